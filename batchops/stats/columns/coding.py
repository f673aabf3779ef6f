"""Categories as small numbers, so that a text is looked up once, however often it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.cells import Cells

__all__ = ["coded", "codes_of"]

Places: TypeAlias = NDArray[np.unsignedinteger]

MANY = 4_096
"""Of more different values that the reference does not have, a column is left as the text that it is."""


def coded(frame: pl.DataFrame, cells: Sequence[Cells]) -> pl.DataFrame:
    """The same rows, in which columns of text are of a type that lists their values: the reference's, then new ones.

    >>> known = Cells("carrier", "category", values=("UA", "DL"))
    >>> coded(pl.DataFrame({"carrier": ["DL", "ZZ", None]}), [known])["carrier"].to_physical().to_list()
    [1, 2, None]
    """
    schema = frame.schema
    texts = [each for each in cells if each.kind == "category" and schema.get(each.column) == pl.String]
    return frame.with_columns(_coded(frame[each.column], each.values) for each in texts)


def _coded(texts: pl.Series, values: Sequence[str]) -> pl.Series:
    codes = texts.cast(pl.Enum(values), strict=False)
    if codes.null_count() == texts.null_count():
        return codes
    new = texts.filter(codes.is_null() & texts.is_not_null()).unique().sort()
    return texts.cast(pl.Enum([*values, *new])) if len(new) <= MANY else texts


def codes_of(series: pl.Series) -> tuple[tuple[str, ...], Places]:
    """The values that a column of listed ones may have, and each row's place among them; null is one behind the last.

    >>> codes_of(pl.Series(["b", None], dtype=pl.Enum(["a", "b"])))
    (('a', 'b'), array([1, 2], dtype=uint32))
    """
    assert isinstance(series.dtype, pl.Enum)
    values = series.dtype.categories
    codes = series.to_physical()
    if codes.null_count():
        # The smallest type that holds the places may have no room for one more.
        codes = codes.cast(pl.UInt32).fill_null(len(values))
    return tuple(values), codes.to_numpy()
