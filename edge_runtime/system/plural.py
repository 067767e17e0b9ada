"""Numbers of things in sentences."""


def counted(n: int, what: str) -> str:
    """`1 fit`, `2 fits`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
