"""Failures of other tools that were measured, each as a test of ours; those of nights stand where they belong."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from batchops import FrameAudit, audit_frame, codec
from batchops.report import render
from tests.frames.two import frame

REFERENCE = frame(20_000, 1)


def found(made: FrameAudit) -> set[tuple[str, str]]:
    return {(each.check, each.subject) for each in made.document.findings}


def test_a_column_that_is_nine_tenths_null_is_a_finding() -> None:
    current = frame(5_000, 2).with_columns(temp=pl.when(pl.int_range(pl.len()) % 10 == 0).then("temp"))
    assert ("drift.null_share", "temp") in found(audit_frame(current, REFERENCE))


def test_whole_numbers_with_gaps_are_the_same_column_as_floats() -> None:
    """As pandas makes them of whole numbers as soon as one is missing: MLflow's signature no longer fits then."""
    gaps = pl.when(pl.int_range(pl.len()) % 10 > 0).then("hour")
    reference, current = (rows.with_columns(hour=gaps) for rows in (REFERENCE, frame(5_000, 2)))
    floats = current.to_pandas()
    assert current.schema["hour"] == pl.Int64
    assert str(floats["hour"].dtype) == "float64"
    plain, made = audit_frame(current, reference), audit_frame(floats, reference)
    assert found(plain) == set()
    assert found(made) == {("schema.coerced", "hour")}
    assert audit_frame(reference.to_pandas(), reference.to_pandas()).document.findings == ()
    (one,), (other,) = ([each for each in of.document.columns if each.column == "hour"] for of in (plain, made))
    assert one.window == other.window
    assert one.window.null_share == 0.1


def test_two_distributions_that_lie_apart_are_drawn_apart() -> None:
    """From 38 to 80 degrees two pictures, each with an axis of its own, look the same."""
    reference, current = (
        rows.select(temp=pl.col("temp") * 5 + mean) for rows, mean in ((REFERENCE, 38), (frame(5_000, 2), 80))
    )
    (column,) = audit_frame(current, reference).document.columns
    drawn = column.histogram
    assert drawn is not None
    assert drawn.low is not None
    assert drawn.high is not None
    width = (drawn.high - drawn.low) / len(drawn.reference)
    peaks = [drawn.low + width * (side.index(max(side)) + 0.5) for side in (drawn.reference, drawn.current)]
    assert peaks == [pytest.approx(38, abs=2 * width), pytest.approx(80, abs=2 * width)]


def test_at_80_000_rows_differences_that_do_not_matter_are_proved_and_raise_nothing() -> None:
    current = frame(80_000, 2).with_columns(pl.col("temp") + 0.05, pl.col("amount") * 1.03)
    made = audit_frame(current, REFERENCE)
    assert made.document.findings == ()
    distances = {part.column: part.window.distance for part in made.document.columns}
    assert 0 < (distances["temp"] or 0) < 0.05


def test_no_address_of_ten_thousand_is_in_the_page_or_the_document() -> None:
    def addressed(rows: int, first: int) -> pl.DataFrame:
        return frame(rows, first).with_columns(
            email=pl.concat_str(pl.lit("person"), pl.int_range(pl.len()) + first, pl.lit("@example.org"))
        )

    made = audit_frame(addressed(10_000, 10**6), addressed(10_000, 1), discover=True)
    assert "@example.org" not in codec.dump(made.document).decode()
    assert "@example.org" not in render(made.document)


@pytest.mark.usefixtures("told_apart_anew")
def test_two_audits_of_the_same_tables_differ_in_nothing_but_the_run() -> None:
    first, second = (codec.load(dict, codec.dump(audit_frame(frame(900, 2), REFERENCE).document)) for _ in range(2))
    assert first.pop("run") != second.pop("run")
    assert first == second


def test_the_page_is_small_and_asks_no_network() -> None:
    page = render(audit_frame(frame(2_000, 2), REFERENCE).document)
    assert len(page.encode()) < 300_000
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page) == []


@pytest.mark.slow
@pytest.mark.parametrize("rows", [20, 50, 100])
def test_hardly_any_small_table_drawn_from_the_reference_raises_an_alarm(rows: int) -> None:
    random = np.random.default_rng(rows)
    names = random.choice(200, REFERENCE.height).astype(str)
    whole = REFERENCE.with_columns(name=pl.Series(names))
    alarms = sum(bool(audit_frame(whole.sample(rows, seed=seed), whole).document.findings) for seed in range(40))
    # At 5 % more than six of 40 come once in a hundred such tests; other tools alarm on 28 to 40 of them.
    assert alarms <= 6
