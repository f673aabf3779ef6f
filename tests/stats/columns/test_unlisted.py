from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from batchops.stats import Column, Profile, lay_out, merge_profiles, summarise
from batchops.stats.columns.cells import KNOWN_VALUES
from batchops.stats.columns.drift import ColumnDrift, compare
from batchops.stats.columns.unlisted import GROUPS, grouped
from batchops.stats.columns.usual import usual
from tests.laws import obeys_the_laws

VALUES = 5_000
NAMES = np.array([f"value-{place}" for place in range(VALUES)])
ZIPF = 1 / np.arange(1, VALUES + 1)
LIMIT = 0.002


def drawn(seed: int, rows: int, grown: str = "", share: float = 0.0) -> pl.DataFrame:
    """Rows of many values, of which a share has one."""
    rng = np.random.default_rng(seed)
    values = NAMES[rng.choice(VALUES, rows, p=ZIPF / ZIPF.sum())]
    return pl.DataFrame({"kind": np.where(rng.random(rows) < share, grown, values)})


TRAINING = drawn(1, 20_000)
CELLS = lay_out(TRAINING, ["kind"])
REFERENCE = summarise(TRAINING, CELLS)
RARE = next(name for name in NAMES[2_000:].tolist() if name not in CELLS[0].values)


def compared(night: pl.DataFrame, reference: Profile = REFERENCE) -> ColumnDrift:
    return compare(summarise(night, CELLS).columns["kind"], reference.columns["kind"], CELLS[0])


def chance(found: ColumnDrift, edge: float = LIMIT) -> float:
    assert found.grown_change.chance is not None
    return found.grown_change.chance(edge)


def test_values_that_are_not_listed_add_up_in_any_order() -> None:
    assert CELLS[0].capped
    parts = [drawn(seed, 300, "new", 0.1) for seed in range(4)]
    obeys_the_laws(parts, lambda part: summarise(part, CELLS), pl.concat, Profile())
    whole = merge_profiles([summarise(part, CELLS) for part in parts]).columns["kind"]
    assert whole.unlisted.total() == whole.table.dense(CELLS[0].size)[KNOWN_VALUES] > 0


def test_a_column_whose_values_are_all_listed_has_no_groups_and_no_growth() -> None:
    few = TRAINING.filter(pl.col("kind").is_in(NAMES[:50].tolist()))
    cells = lay_out(few, ["kind"])
    counted = summarise(TRAINING, cells).columns["kind"]
    found = compare(counted, summarise(few, cells).columns["kind"], cells[0])
    assert counted.unlisted.total() == 0 < counted.unseen
    assert found.grown_share.value is None
    assert found.unseen_share.value is not None


@pytest.mark.parametrize("value", [RARE, "never before"])
def test_one_value_that_becomes_common_is_seen(value: str) -> None:
    found = compared(drawn(2, 10_000, value, 0.01))
    assert found.grown_change.value == pytest.approx(0.01, abs=0.003)
    assert (found.grown_change.lower or 0) > LIMIT
    assert chance(found) < 1e-6
    # The share is that of its group: as large as the value's own, or larger.
    held = (drawn(2, 10_000, value, 0.01)["kind"] == value).sum()
    assert (found.grown_share.value or 0) >= held / 10_000


@pytest.mark.parametrize("rows", [20, 100, 1_000, 10_000])
def test_as_many_rows_of_the_same_world_never_seem_to_have_grown(rows: int) -> None:
    chances = [chance(compared(drawn(seed, rows))) for seed in range(10, 30)]
    assert min(chances) > 0.05


def test_values_that_are_new_every_night_are_no_growth_of_one() -> None:
    """As identifiers are: each of them is rare, and there are as many of them as before."""
    ids = [pl.DataFrame({"kind": [f"{night}-{row}" for row in range(10_000)]}) for night in range(3)]
    cells = lay_out(ids[0], ["kind"])
    was, *later = (summarise(night, cells).columns["kind"] for night in ids)
    for now in later:
        found = compare(now, was, cells[0])
        assert found.grown_change.chance is not None
        assert found.grown_change.chance(LIMIT) > 0.05


def test_of_a_reference_that_was_counted_before_there_were_groups_nothing_is_known() -> None:
    kind = REFERENCE.columns["kind"]
    older = Profile({"kind": Column(rows=kind.rows, table=kind.table)})
    found = compared(drawn(2, 10_000, RARE, 0.01), older)
    assert (found.grown_share.value, found.grown_change.value, found.grown_change.chance) == (None, None, None)


def test_a_night_that_training_had_makes_such_a_growth_usual() -> None:
    nights = [drawn(seed, 2_000, RARE, 0.05 if seed == 50 else 0.0) for seed in range(45, 57)]
    counted = [summarise(night, CELLS).columns["kind"] for night in nights]
    whole = merge_profiles([Profile({"kind": each}) for each in counted]).columns["kind"]
    assert usual(counted, whole, CELLS[0], 1).grown_change == pytest.approx(0.05, abs=0.015)


def test_texts_of_any_kind_fall_into_the_same_group() -> None:
    texts = [RARE, "never before", "\ud7ff", "", "🜚"]
    assert grouped((text, 1) for text in texts).total() == len(texts)
    series = pl.Series("kind", [*texts, None])
    plain, listed = (
        summarise(each.to_frame(), CELLS).columns["kind"].unlisted
        for each in (series, series.cast(pl.Enum(sorted(texts))))
    )
    assert plain == listed == grouped((text, 1) for text in texts)
    assert max(plain.cells) < GROUPS
