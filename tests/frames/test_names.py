from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from batchops import FrameAudit, Roles, audit_frame
from tests.frames.two import frame

REFERENCE, CURRENT = frame(4_000, 1), frame(1_000, 2)

OURS = ("score", "label", "loss", "prediction", "weight", "n", "score_band")
"""Names that columns of ours have while rows are counted."""


def taken(rows: pl.DataFrame) -> pl.DataFrame:
    """The same scores and labels under other names, beside inputs that bear ours."""
    random = np.random.default_rng(rows.height)
    inputs = {name: random.normal(600, 50, rows.height) for name in OURS}
    return rows.rename({"score": "p", "label": "late"}).with_columns(**{k: pl.Series(v) for k, v in inputs.items()})


def audited(current: pl.DataFrame, **given: object) -> FrameAudit:
    roles = Roles(score="p", label="late", slices=(*OURS, "hour"))
    return audit_frame(current, taken(REFERENCE), roles=roles, **given)  # type: ignore[arg-type]


def test_inputs_that_are_called_as_our_columns_are_inputs() -> None:
    made, plain = audited(taken(CURRENT), discover=True), audit_frame(CURRENT, REFERENCE)
    assert made.quality.equals(plain.quality)
    assert {part.column for part in made.document.columns} == {*OURS, *CURRENT.columns} - {"p", "late"}
    sliced = {name: {part.label for part in made.document.slices or () if name in part.slice} for name in OURS}
    assert {name for name, labels in sliced.items() if len(labels) >= 5} == {*OURS}
    assert made.verdict.severity == "PASS"


@pytest.mark.parametrize("name", OURS)
def test_what_changes_in_them_is_found_there(name: str) -> None:
    made = audited(taken(CURRENT).with_columns(pl.col(name) + 100))
    assert ("drift.distance", name) in {(each.check, each.subject) for each in made.document.findings}
    assert {each.subject for each in made.document.findings} <= {name, "all columns"}


def test_a_column_that_is_sliced_by_is_looked_at_together_with_the_others() -> None:
    made = audit_frame(CURRENT, REFERENCE, roles=Roles(slices=("hour", "temp", "carrier")))
    assert made.document.drift is not None
    assert made.document.drift.multivariate is not None
    assert {each.column for each in made.document.drift.multivariate.columns} == {*CURRENT.columns} - {"score", "label"}


@pytest.mark.parametrize("name", ["a.b", "a b", "<b>bold</b>", "😀", "score_", "", "a\nb", "%s", "$ref", "é" * 300])
def test_a_column_may_have_any_name(name: str) -> None:
    current, reference = (each.rename({"temp": name}) for each in (CURRENT, REFERENCE))
    moved = current.with_columns(pl.col(name) + 1)
    made = audit_frame(moved, reference, roles=Roles(slices=(name, (name, "carrier"))), discover=True)
    assert ("drift.distance", name) in {(each.check, each.subject) for each in made.document.findings}
    assert any(name in part.slice for part in made.document.slices or ())
    assert "<b>bold</b>" not in made._repr_html_()
