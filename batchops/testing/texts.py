"""Made-up text: words, matches of a pattern, and the forms that text columns often have."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from random import Random
from typing import Any

from batchops.testing.domains import Domain

__all__ = ["FORMS", "LETTERS", "match_of", "text_in", "word"]

LETTERS = string.ascii_letters + string.digits
SPREAD = 4
"""How much longer than its shortest a repetition without an end becomes."""

# The standard library's own parser of patterns; its module has no public name since Python 3.11.
_parser: Any = import_module("re._parser")

CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": LETTERS,
    "CATEGORY_WORD": f"{LETTERS}_",
    "CATEGORY_NOT_WORD": " -./",
}
OF_RUST = (
    (r"\\p\{(?:Lu|Uppercase)\}", "[A-Z]"),
    (r"\\p\{(?:Ll|Lowercase)\}", "[a-z]"),
    (r"\\p\{(?:L|Letter|Alphabetic)\}", "[A-Za-z]"),
    (r"\\p\{(?:N|Nd)\}", "[0-9]"),
    (r"\[:alpha:\]", "A-Za-z"),
    (r"\[:alnum:\]", "A-Za-z0-9"),
    (r"\[:digit:\]", "0-9"),
    (r"\\z", r"\\Z"),
)
"""What polars' patterns have and Python's do not."""


def word(rng: Random, shortest: int = 3, longest: int = 9) -> str:
    """A word that can be spoken, so that a sample reads well."""
    length = rng.randint(shortest, max(shortest, longest))
    return "".join(rng.choice("bdfgklmnprstv" if place % 2 == 0 else "aeiou") for place in range(length))


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


FORMS: tuple[Callable[[Random], str], ...] = (
    lambda rng: f"{rng.randint(2000, 2029)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
    lambda rng: f"{rng.randint(2000, 2029)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}",
    lambda rng: (
        f"{rng.randint(2000, 2029)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:00Z"
    ),
    lambda rng: (
        f"{rng.randint(2000, 2029)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:00:00"
    ),
    lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    lambda rng: f"{word(rng)}@example.org",
    lambda rng: str(rng.randint(0, 999)),
    lambda rng: f"{rng.randint(0, 999)}.{rng.randint(10, 99)}",
    lambda rng: _digits(rng, rng.randint(4, 16)),
    lambda rng: "".join(rng.choices(string.ascii_uppercase, k=rng.randint(2, 3))),
    lambda rng: word(rng).capitalize(),
    lambda rng: word(rng).upper(),
    lambda rng: f"{rng.choice(string.ascii_uppercase)}{_digits(rng, rng.randint(2, 7))}",
    lambda rng: f"https://example.org/{word(rng)}",
    lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    lambda rng: "-".join("".join(rng.choices("0123456789abcdef", k=size)) for size in (8, 4, 4, 4, 12)),
    lambda rng: f'{{"{word(rng)}": {rng.randint(0, 9)}}}',
    lambda rng: rng.choice(("true", "false", "yes", "no", "Y", "N", "M", "F")),
)
"""Forms of text that an author's own check may ask for."""


def _class(items: Iterable[tuple[Any, Any]]) -> str:
    """The characters of a set; printable ones of those it leaves where it is negated."""
    found: list[str] = []
    negated = False
    for op, value in items:
        name = str(op)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            found.append(chr(value))
        elif name == "RANGE":
            found.extend(map(chr, range(value[0], min(value[1], value[0] + 255) + 1)))
        elif name == "CATEGORY":
            found.extend(CATEGORIES.get(str(value), LETTERS))
    if negated:
        return "".join(char for char in f"{LETTERS} -_." if char not in found) or "~"
    return "".join(found)


def _repeat(value: Any, rng: Random) -> str:
    least, most, inner = value
    unbounded = str(most) == "MAXREPEAT" or most > least + 32 * SPREAD
    return "".join(_made(inner, rng) for _ in range(rng.randint(least, least + SPREAD if unbounded else most)))


MAKERS: Mapping[str, Callable[[Any, Random], str]] = {
    "LITERAL": lambda value, _: chr(value),
    "NOT_LITERAL": lambda value, rng: rng.choice(LETTERS.replace(chr(value), "")),
    "ANY": lambda _, rng: rng.choice(LETTERS),
    "IN": lambda value, rng: rng.choice(_class(value)),
    "BRANCH": lambda value, rng: _made(rng.choice(value[1]), rng),
    "SUBPATTERN": lambda value, rng: _made(value[-1], rng),
    "ATOMIC_GROUP": lambda value, rng: _made(value, rng),  # noqa: PLW0108 - it is defined below
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
    "POSSESSIVE_REPEAT": _repeat,
}
"""What becomes text, by the parser's name for it; positions (`^`, `\\b`) become none."""


def _made(parsed: Iterable[tuple[Any, Any]], rng: Random) -> str:
    return "".join(MAKERS[str(op)](value, rng) for op, value in parsed if str(op) in MAKERS)


def match_of(pattern: str, rng: Random) -> str:
    r"""Text that the pattern is likely to match; the caller makes sure. Empty where it cannot be read.

    >>> match_of(r"[A-C]{2}-\d$", Random(1))
    'AC-0'
    """
    for rust, python in OF_RUST:
        pattern = re.sub(rust, python, pattern)
    try:
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return ""
    return _made(parsed, rng)


def _begins(pattern: str) -> bool:
    return pattern.startswith(("^", r"\A"))


def _ends(pattern: str) -> bool:
    return pattern.endswith(("$", r"\z"))


def text_in(domain: Domain, rng: Random) -> str:
    """Text with the beginning, the end, the matches and the length that a domain asks for, as far as they agree."""
    low, high = domain.low, domain.high
    text = domain.starts or (low if isinstance(low, str) else "")
    text += "".join(match_of(pattern, rng) for pattern in domain.matches)
    held = "".join(match_of(pattern, rng) for pattern in domain.holds)
    asked = bool(text or held or domain.ends)
    usual = (0, 0) if domain.matches else (2, 8) if asked else (3, 9)
    room = len(text) + len(held) + len(domain.ends)
    least = max(domain.shortest - room, usual[0] if domain.shortest == 0 else 0)
    most = max(domain.shortest - room, usual[1])
    if domain.longest is not None:
        least, most = min(least, domain.longest - room), min(most, domain.longest - room)
    fill = word(rng, max(0, least), max(0, least, most))
    first, last = (any(edge(each) for each in domain.holds) for edge in (_begins, _ends))
    if first and last and domain.shortest == 0:
        fill = ""
    cut = 0 if first else len(fill) if last or not held else rng.randint(min(1, len(fill)), max(0, len(fill) - 1))
    if isinstance(high, str) and not asked and rng.random() < 0.5:
        return high
    return f"{text}{fill[:cut]}{held}{fill[cut:]}{domain.ends}"
