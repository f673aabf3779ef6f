from __future__ import annotations

import polars as pl
import pytest

from batchops.stats import Cells, Profile, lay_out, summarise
from batchops.stats.columns import coding
from batchops.stats.columns.coding import coded
from batchops.stats.outcomes.grouping import encoded
from batchops.stats.rows.hashing import hash_rows

TEXTS = ["DL", "", None, "a\x00", "ZZ", "DL", "é", None, "UA", "ZZ"]
KNOWN = Cells("carrier", "category", values=("UA", "DL", "", "é", "a\x00", "never"))
FRAME = pl.DataFrame({"carrier": pl.Series(TEXTS, dtype=pl.String), "late": [True] * 10})


def told(frame: pl.DataFrame) -> tuple[Profile, list[int], list[str]]:
    dimension = encoded(frame["carrier"])
    named = [dimension.values[code] for code in dimension.codes]
    return summarise(frame, [KNOWN]), hash_rows(frame, [KNOWN]).tolist(), [*dimension.values, *named]


@pytest.mark.parametrize("many", [0, 10])
def test_small_numbers_stand_for_the_same_texts(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "MANY", many)
    made = coded(FRAME, [KNOWN])
    assert isinstance(made.schema["carrier"], pl.Enum) == (many > 0)
    assert made["carrier"].cast(pl.String).to_list() == TEXTS
    assert made["late"].to_list() == FRAME["late"].to_list()
    assert told(made) == told(FRAME)


def test_256_values_and_a_null_are_257_places() -> None:
    texts = pl.Series("x", [*map(str, range(256)), None])
    values, codes = coding.codes_of(texts.cast(pl.Enum(list(map(str, range(256))))))
    assert (len(values), codes.tolist()) == (256, list(range(257)))


def test_columns_that_are_no_categories_or_not_there_stay_as_they_are() -> None:
    frame = pl.DataFrame({"x": [1.5, 2.5], "c": [1, 2]})
    cells = [*lay_out(frame, ["x"]), Cells("c", "category", values=("1",)), KNOWN]
    assert coded(frame, cells).equals(frame)
