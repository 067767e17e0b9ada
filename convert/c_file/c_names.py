"""Make what text from outside may become in C: a name, a string literal or a comment, and nothing else."""

import re

# No array is called by a keyword of C99 or of GNU's dialect, or by a macro that GNU's dialect defines.
_KEYWORDS = """
asm auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef typeof union unsigned void volatile while unix linux
"""
KEYWORDS = frozenset(_KEYWORDS.split())
_LONGEST = 31  # characters; compilers tell names apart by 63


def identifier(text: str) -> str:
    """The name in C that `text` stands for, in lower case, since macros are in upper case; it may be a keyword."""
    name = _plain(text)[:_LONGEST]
    return name if re.match("[a-z]", name) else f"layer_{name}".rstrip("_")


def checked(name: str) -> str:
    """`name` itself. Raises `ValueError` when it is text that `identifier` did not make."""
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} cannot be a name in C")
    return name


def c_name(stem: str) -> str:
    """The name in C of the model in a file of this name, as `edge_int8`: neither a keyword nor a reserved name."""
    name = _plain(stem)
    # Neither a keyword nor a function of the standard library has an underscore and ends in a digit, or as a form does.
    return name if re.fullmatch(r"[a-z]\w*_(\w*\d|mixed|dynamic)", name) else f"model_{name}".rstrip("_")


def c_string(text: str) -> str:
    """A literal of the UTF-8 bytes of `text`, in plain ASCII."""
    plain = set(map(chr, range(32, 127))) - set('"\\?')  # ? for trigraphs
    content = (chr(x) if chr(x) in plain else f"\\{x:03o}" for x in text.encode("utf-8", "surrogatepass"))
    return f'"{"".join(content)}"'


def comment(text: str) -> str:
    """A comment of the ASCII words in `text`."""
    return f"/* {_plain(text).replace('_', ' ')} */"


def _plain(text: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "_", text).strip("_").lower()
