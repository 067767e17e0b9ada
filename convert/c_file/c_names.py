"""Turn text from outside into names, string literals and comments of C, and into nothing else."""

import re

# No array has the name of a keyword of C99 or of GNU's dialect, or of a macro that GNU's dialect defines.
_KEYWORDS = """
asm auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef typeof union unsigned void volatile while unix linux
"""
KEYWORDS = frozenset(_KEYWORDS.split())
_LONGEST = 31  # characters; compilers distinguish names by 63


def identifier(text: str) -> str:
    """Return a name in C for `text`, in lower case, since macros are in upper case; it may be a keyword."""
    name = _plain(text)[:_LONGEST]
    return name if re.match("[a-z]", name) else f"layer_{name}".rstrip("_")


def c_name(stem: str) -> str:
    """Return the name in C of the model in a file, for example `edge_int8`: neither a keyword nor a reserved name."""
    name = _plain(stem)
    # No keyword or function of the standard library has an underscore and ends in a digit or the name of a form.
    return name if re.fullmatch(r"[a-z]\w*_(\w*\d|mixed|dynamic)", name) else f"model_{name}".rstrip("_")


def c_string(text: str) -> str:
    """Return a literal of the UTF-8 bytes of `text`, in plain ASCII."""
    plain = set(map(chr, range(32, 127))) - set('"\\?')  # ? for trigraphs
    content = (chr(byte) if chr(byte) in plain else f"\\{byte:03o}" for byte in text.encode("utf-8", "surrogatepass"))
    return f'"{"".join(content)}"'


def comment(text: str) -> str:
    """Return a comment of the ASCII words in `text`."""
    return f"/* {_plain(text).replace('_', ' ')} */"


def _plain(text: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "_", text).strip("_").lower()
