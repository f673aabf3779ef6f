"""Numbers, dates and names as a reader meets them: the same everywhere, whatever page or terminal shows them."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

__all__ = [
    "amount",
    "bound",
    "clean",
    "count",
    "date",
    "decimal",
    "file",
    "href",
    "listing",
    "nights",
    "number",
    "percent",
    "plural",
    "points",
    "seconds",
    "size",
    "slug",
    "spans",
    "tile",
]

THIN = "\u202f"
SPACE = "\u00a0"
MINUS = "\u2212"
NONE = "\u2013"

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
COUNTED = {"rows": "row", "files": "file", "labels": "label", "nights": "night", "slices": "slice", "columns": "column"}


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _signed(text: str, sign: bool) -> str:
    """A true minus; a plus where asked and where there is anything to sign."""
    if text.startswith("-"):
        return MINUS + text[1:] if text.strip("-0.") else text[1:]
    return f"+{text}" if sign and text.strip("0.") else text


def number(value: float | None, sign: bool = False) -> str:
    """At most 3 significant digits: ``0.0834``, ``12.3``, ``1 230``.

    >>> number(0.08341), number(12.34), number(None) == NONE
    ('0.0834', '12.3', True)
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value and not 1e-4 <= abs(value) < 1e9:
        return _signed(f"{value:.2e}", sign)
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    rounded = round(value, 2 - math.floor(math.log10(abs(value)))) if value else 0.0
    text = f"{rounded:,.{digits}f}".replace(",", THIN)
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text, sign)


def bound(value: float | None) -> str:
    """An end of an axis or range: 4 significant digits, and no gap in a year or a time of day: ``2013``, ``10.94``."""
    if value is None or not math.isfinite(value):
        return NONE
    if value and not 1e-4 <= abs(value) < 1e9:
        return number(value)
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}" if abs(value) >= 1e4 else f"{value:.{digits}f}"
    text = text.replace(",", THIN)
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text, False)


def decimal(value: float | None, digits: int = 3, sign: bool = False) -> str:
    """A fixed number of decimals, for columns that are read downwards: ``0.710``."""
    return NONE if value is None or not math.isfinite(value) else _signed(f"{value:.{digits}f}", sign)


def count(value: float | None) -> str:
    """A number of things, thousands apart: ``29 425``."""
    return NONE if value is None or not math.isfinite(value) else _signed(f"{round(value):,}".replace(",", THIN), False)


def percent(share: float | None) -> str:
    """A share of 1 with one decimal; what is not nothing or not everything never reads as if it were.

    >>> [percent(share).replace(SPACE, " ") for share in (0, 0.00004, 0.0712, 0.99996, 1)]
    ['0 %', '<0.1 %', '7.1 %', '>99.9 %', '100 %']
    """
    if share is None or not math.isfinite(share):
        return NONE
    if 0 < share < 0.0005:
        return f"<0.1{SPACE}%"
    if 0.9995 <= share < 1:
        return f">99.9{SPACE}%"
    text = f"{share * 100:.1f}"
    return _signed("0" if not text.strip("-0.") else "100" if text == "100.0" else text, False) + f"{SPACE}%"


def points(value: float | None, sign: bool = True) -> str:
    """A difference of shares in percentage points: ``+7.2``."""
    return NONE if value is None or not math.isfinite(value) else _signed(f"{value * 100:.1f}", sign)


def plural(number_of: float, one: str, many: str | None = None) -> str:
    """``1 row``, ``208 rows``."""
    return f"{count(number_of)} {one if round(number_of) == 1 else many or one + 's'}"


def amount(value: float | None, unit: str, sign: bool = True) -> str:
    """A figure with its unit, as `batchops.verdict.Figure` names units."""
    if value is None or not math.isfinite(value):
        return NONE
    if unit == "share":
        return percent(value)
    if unit == "points":
        return f"{points(value, sign)} points"
    if unit in COUNTED:
        return plural(value, COUNTED[unit])
    if unit == "ratio":
        return f"{_signed(f'{value * 100:.0f}', sign)}{SPACE}%"
    if unit == "fall":
        return decimal(value, 3)
    if unit in ("distance", ""):
        return decimal(value, 2)
    told = number(value)
    return f"{told} {'hour' if (told, unit) == ('1', 'hours') else clean(unit)}"


def tile(value: float | None, name: str, unit: str) -> str:
    """The figure of a tile: of slices a number of them, of all else an amount."""
    return count(value) if name == "slices" else amount(value, unit)


def date(iso: str, year: bool = True) -> str:
    """``4 Jul 2013``; what is no date stays as it is.

    >>> date("2013-07-04"), date("2013-07-04", year=False)
    ('4 Jul 2013', '4 Jul')
    """
    try:
        day = dt.date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return f"{day.day} {MONTHS[day.month - 1]}{f' {day.year}' if year else ''}"


def nights(first: str, last: str) -> str:
    """A span of nights, without saying a month or year twice.

    >>> tuple(nights(first, last).replace(NONE, "-") for first, last in (
    ...     ("2013-07-01", "2013-07-31"), ("2013-06-04", "2013-07-04")))
    ('1-31 Jul 2013', '4 Jun - 4 Jul 2013')
    """
    if first == last:
        return date(last)
    if first[:7] == last[:7]:
        return f"{date(first).split(' ')[0]}\u2013{date(last)}"
    return f"{date(first, year=first[:4] != last[:4])} \u2013 {date(last)}"


def seconds(value: float | None) -> str:
    """``18.4 s``, ``2 min 5 s``."""
    if value is None or not math.isfinite(value):
        return NONE
    if value < 60:
        return f"{number(value)} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(octets: float | None) -> str:
    """Bytes in the largest unit that leaves a digit before the point: ``412 MB``."""
    if octets is None or not math.isfinite(octets):
        return NONE
    value, units = float(octets), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{number(value)} {units[0]}"


def clean(text: str) -> str:
    """Without control and formatting characters, which could move a terminal's cursor or turn a line around.

    >>> clean("a" + chr(27) + "[31mb" + chr(0x202e) + "c" + chr(10) + "d")
    'a[31mbc d'
    """
    if text.isascii() and text.isprintable():
        return text  # nearly every text, and a page cleans thousands
    spaced = "".join(" " if character in "\t\n\r\u2028\u2029" else character for character in text)
    return "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def listing(items: Sequence[str], most: int = 4) -> str:
    """The first few of them, and how many there are beside."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def slug(text: str) -> str:
    """An id for the page: what can be read of the text, and a piece of its digest where something was lost.

    >>> slug("wind_gust"), slug("carrier DL")
    ('wind_gust', 'carrier-dl-bfe1dc')
    """
    plain = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:40]
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")


def file(path: str) -> str:
    """A path's last part: where on a machine a table lay stands in the provenance.

    >>> file("landing/today.parquet"), file("landing/"), file("frame")
    ('today.parquet', 'landing', 'frame')
    """
    return path.rstrip("/").rpartition("/")[2] or path


def href(path: str) -> str:
    """A relative link; a colon is quoted, so that no text becomes a scheme such as ``javascript:``."""
    return quote(path.lstrip("/") if path.startswith("//") else path, safe="/.-_~=#?&+")


def spans(text: str) -> tuple[tuple[bool, str], ...]:
    """Text cut at its backquotes: (is it code, piece) each.

    >>> spans("Type `batchops doctor`.")
    ((False, 'Type '), (True, 'batchops doctor'), (False, '.'))
    """
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return ((False, text),)
    return tuple((bool(i % 2), piece) for i, piece in enumerate(pieces) if piece)
