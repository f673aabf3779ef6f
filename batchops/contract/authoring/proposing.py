"""From what data say to the contract that a person would begin with."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl

from batchops.contract.authoring.inferring import Seen, Survey
from batchops.contract.authoring.writing import Draft, DraftField, class_name, writable
from batchops.errors import ContractError

__all__ = ["counted", "propose", "source_words"]

LISTED_NUMBERS = 10
"""Distinct integers up to which they may be codes."""

LARGEST = 2**127 - 1
"""Integers beyond it cannot be compared with."""


def counted(count: int, what: str) -> str:
    """A count and its noun: ``1 file``, ``51 955 rows``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}".replace(",", " ")


def source_words(survey: Survey) -> str:
    """What was looked at: ``51 955 rows in 177 files of 59 nights, 2013-01-01 to 2013-02-28``."""
    words = f"{counted(survey.rows, 'row')} in {counted(survey.files, 'file')}"
    nights = list(survey.nights)
    if len(nights) > 1:
        words += f" of {counted(len(nights), 'night')}, {nights[0]} to {nights[-1]}"
    return words if len(nights) != 1 else f"{words} of {nights[0]}"


def _extremes(seen: Seen) -> dict[str, Any]:
    """Bounds that every value obeys; none where a value is infinite or beyond what can be compared."""
    low, high = seen.low, seen.high
    keeps = {"ge": low, "le": high}
    if seen.nans:
        del keeps["le"]  # NaN is above every number
    found = {
        word: bound
        for word, bound in keeps.items()
        if bound is not None and math.isfinite(bound) and not (isinstance(bound, int) and abs(bound) > LARGEST)
    }
    return {"in_range": (low, high)} if len(found) == 2 else found


def _of_whole_number(seen: Seen, key: bool) -> dict[str, Any]:
    gaps = seen.values and seen.values[-1] - seen.values[0] >= len(seen.values)
    if gaps and len(seen.values) <= LISTED_NUMBERS and not key:
        return {"isin": list(seen.values)}
    if key and seen.low is not None and seen.low >= 0:
        return {"ge": min(seen.low, 1)}  # the next night has higher ones
    return _extremes(seen)


def _of_text(seen: Seen) -> dict[str, Any]:
    if seen.values:
        return {"isin": list(seen.values)}
    if seen.shape:
        return {"str_matches": seen.shape}
    if seen.dtype == pl.String and seen.low is not None and seen.low == seen.high:
        return {"str_length": {"min_value": seen.low, "max_value": seen.high}}
    return {}


def _checks(seen: Seen, key: bool) -> dict[str, Any]:
    """What `Field` asks of the values.

    Args:
        key: The column alone is the key.
    """
    if seen.personal:
        return {}
    if seen.dtype.is_integer():
        return _of_whole_number(seen, key)
    if seen.dtype.is_float() or seen.dtype.is_decimal():
        return _extremes(seen)
    return _of_text(seen) if isinstance(seen.dtype, pl.String | pl.Categorical) else {}


def _comment(seen: Seen) -> str:
    if seen.personal:
        return f"Personal data, to judge by {seen.personal}."
    if seen.dtype == pl.Null:
        return "Only nulls were seen: say which dtype it has."
    if seen.nans and seen.nans + seen.nulls < seen.rows and seen.high is not None:
        return "NaN was seen, and is above every bound."
    if isinstance(seen.low, dt.date) and isinstance(seen.high, dt.date) and _day(seen.low) != _day(seen.high):
        return f"Seen from {_day(seen.low)} to {_day(seen.high)}."
    return ""


def _day(value: dt.date) -> str:
    return value.date().isoformat() if isinstance(value, dt.datetime) else value.isoformat()


def _field(seen: Seen, key: tuple[str, ...]) -> DraftField:
    """The field of a column.

    An Enum of personal data is promised as text: its categories are values.
    """
    dtype = pl.String() if seen.personal and isinstance(seen.dtype, pl.Enum) else seen.dtype
    words = _checks(seen, key == (seen.name,))
    if seen.nulls or seen.nans:
        words = {"nullable": True, **words}
    metadata: dict[str, Any] = {"role": "key"} if seen.name in key else {}
    if seen.personal:
        metadata["pii"] = True
    return DraftField(
        seen.name, dtype, seen.required, {**words, **({"metadata": metadata} if metadata else {})}, _comment(seen)
    )


def _rounded(count: int, up: bool) -> int:
    """To two digits, away from what was seen."""
    scale: int = 10 ** max(0, len(str(count)) - 2)
    return (-(-count // scale) if up else count // scale) * scale


def propose(survey: Survey, name: str) -> Draft:
    """A contract that every row obeys: exact bounds and codes as seen; half to twice the rows of the nights.

    Args:
        name: Of the contract; the class's is made of it.

    Raises:
        ContractError: None of its columns can be promised.
    """
    kept = [seen for seen in survey.columns if writable(seen.dtype)]
    if not kept:
        raise ContractError(f"contract {name}", "no column can be promised", "Write arrays of one dimension")
    config: dict[str, Any] = {"name": name, "version": 1}
    if len(survey.nights) > 1:
        fewest, most = min(survey.nights.values()), max(survey.nights.values())
        config["rows"] = (_rounded(fewest // 2, up=False), _rounded(most * 2, up=True))
    notes = [
        f"{seen.name!r} is left out: Pandera cannot promise {seen.dtype}."
        for seen in survey.columns
        if not writable(seen.dtype)
    ]
    return Draft(
        name=class_name(name),
        words=f"{name}, inferred from {source_words(survey)}.",
        fields=tuple(_field(seen, survey.key.columns) for seen in kept),
        config={"metadata": config},
        notes=tuple(notes),
    )
