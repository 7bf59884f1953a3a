"""One table of units: every spelling met in TIFFs, the name that OME-Zarr has for it, and the symbol of OME-XML."""

from __future__ import annotations

_TABLE = {
    # OME-Zarr name: (symbol of OME-XML, other spellings in small letters)
    "yottameter": ("Ym", ()),
    "zettameter": ("Zm", ()),
    "exameter": ("Em", ()),
    "petameter": ("Pm", ()),
    "terameter": ("Tm", ()),
    "gigameter": ("Gm", ()),
    "megameter": ("Mm", ()),
    "kilometer": ("km", ()),
    "hectometer": ("hm", ()),
    "meter": ("m", ("metre", "meters", "metres")),
    "decimeter": ("dm", ()),
    "centimeter": ("cm", ("centimetre", "centimetres")),
    "millimeter": ("mm", ()),
    "micrometer": ("µm", ("um", "micron", "microns", "mikrometer", "\\u00b5m", "\\u03bcm", "\\xb5m", "&#181;m")),
    "nanometer": ("nm", ()),
    "picometer": ("pm", ()),
    "femtometer": ("fm", ()),
    "attometer": ("am", ()),
    "zeptometer": ("zm", ()),
    "yoctometer": ("ym", ()),
    "angstrom": ("Å", ("a", "ångström", "ångstrom", "angstroem", "angström", "angstroms", "\\u00c5")),
    "inch": ("in", ("inches", '"')),
    "foot": ("ft", ("feet",)),
    "yard": ("yd", ("yards",)),
    "mile": ("mi", ("miles",)),
    "parsec": ("pc", ("parsecs",)),
    "day": ("d", ("days",)),
    "hour": ("h", ("hours", "hr", "hrs")),
    "minute": ("min", ("minutes", "mins")),
    "second": ("s", ("sec", "secs", "seconds")),
    "decisecond": ("ds", ()),
    "centisecond": ("cs", ()),
    "millisecond": ("ms", ("msec", "msecs")),
    "microsecond": ("µs", ("us", "usec", "usecs", "\\u00b5s")),
    "nanosecond": ("ns", ("nsec", "nsecs")),
    "picosecond": ("ps", ("psec", "psecs")),
    "femtosecond": ("fs", ()),
    "attosecond": ("as", ()),
}
SYMBOLS = {name: symbol for name, (symbol, _) in _TABLE.items()}
"""The symbol that OME-XML uses for every unit of OME-Zarr."""

TIME = frozenset(name for name in _TABLE if name.endswith("second")) | {"day", "hour", "minute"}
_BY_SYMBOL = {symbol: name for name, symbol in SYMBOLS.items()}
_BY_WORD = {
    word: name
    for name, (symbol, others) in _TABLE.items()
    for word in (name, f"{name}s", name.replace("meter", "metre"), name.replace("meter", "metre") + "s", *others)
} | {"µm": "micrometer", "µs": "microsecond", "nm": "nanometer", "å": "angstrom"}
_SAME = str.maketrans({"μ": "µ", "Å": "Å", " ": None, "\0": None, "\u00a0": None})  # Greek mu, the angstrom sign


def unit_name(text: object) -> str | None:
    """Return the OME-Zarr name of a unit in any spelling met in TIFFs; None for pixels and for what is unknown.

    Symbols are told apart by their case (mm and Mm), words are not.

    >>> unit_name("micrometers"), unit_name("nm"), unit_name("pixel")
    ('micrometer', 'nanometer', None)
    """
    if not isinstance(text, str):
        return None
    short = text.strip().translate(_SAME)
    found = _BY_SYMBOL.get(short)
    if found is None:
        found = _BY_WORD.get(short.lower())
    if found is None and short.lower() in ("mm", "cm", "km", "ms"):
        found = _BY_SYMBOL.get(short.lower())
    return found


def is_time(name: str) -> bool:
    """Return whether a unit of OME-Zarr measures time."""
    return name in TIME
