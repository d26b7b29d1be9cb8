"""Values as errors show them: short, without content, and without running any code of the value's own."""

MOST = 80
"""Characters that an error shows of a value, or of a path to one."""

_LONGEST_TEXT = 40
"""A longer string is described by its length: it may be the text of a memory that was passed in the wrong place."""
_LONGEST_INTEGER = 128  # bits
_TYPE_NAME = type.__dict__["__name__"]  # C's own getter: a metaclass may have another that fails


def represent(value: object) -> str:
    """Represent a value in at most 80 characters: a short plain one as it is, any other by its type.

    Neither ``repr()`` nor ``len()`` of the value is called: a deep or a huge one takes no longer than any other, and one
    whose methods fail does not replace the error by its own.
    """
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return float.__repr__(value) if isinstance(value, float) else repr(value)
    if isinstance(value, int) and kind is int:
        bits = value.bit_length()
        return repr(value) if bits <= _LONGEST_INTEGER else f"a whole number of {bits:,} bits"
    if isinstance(value, str) and kind is str:
        return _represent_text(value)
    return f"of type {type_name(value)}"


def quote(name: str) -> str:
    """Quote a key, an id or another name that a program has chosen, cut to 80 characters."""
    return cut(repr(name[:MOST]))


def type_name(value: object) -> str:
    """Return the name of a value's type, cut to 40 characters."""
    name: str = _TYPE_NAME.__get__(type(value))
    return name[:_LONGEST_TEXT]


def path_of(where: str, position: int) -> str:
    """Extend a path by an entry of a dict, which is named by its position: its name is the user's, and may be content."""
    return cut(f"{where}.<key {position + 1}>")


def cut(path: str) -> str:
    """Cut a path to 80 characters."""
    return path if len(path) <= MOST else f"{path[: MOST - 3]}..."


def _represent_text(text: str) -> str:
    shown = repr(text) if len(text) <= _LONGEST_TEXT else ""
    # Escapes can make a short text long: then, too, its length says enough.
    return shown if shown and len(shown) <= MOST else f"a string of {len(text):,} characters"
