from __future__ import annotations

from dataclasses import replace

import pytest

from batchops.audit import Audit
from batchops.audit.beside import Beside, compare_night, compared_figures
from batchops.partition import Night
from batchops.verdict import Figure, Policy, judge
from tests.audit.nights import day, earlier, night, reference

START = 70
COUNTED = ("quality.coverage",)


@pytest.fixture(scope="module")
def figures() -> list[Figure]:
    """Of a night with a month of nights before it, all of them with labels."""
    before = earlier(range(START, START + 30))
    beside = Beside(reference(), tuple(each.audit for each in before), tuple(before), True, {"number": 0.1})
    return [*compared_figures(_compared(beside, night(START + 30)), beside, Policy())]


def _compared(beside: Beside, audit: Audit):  # type: ignore[no-untyped-def]
    return compare_night(Night.parse(str(day(START + 30))), audit, beside, Policy())


def test_every_family_of_a_night_is_there(figures: list[Figure]) -> None:
    families = {figure.check.partition(".")[0] for figure in figures}
    assert families == {"drift", "score", "quality", "slices", "fairness", "recent", "series", "concept"}


def test_whatever_is_estimated_has_a_chance_under_the_one_budget(figures: list[Figure]) -> None:
    bare = [
        figure.id
        for figure in figures
        if figure.value is not None and figure.chance is None and not figure.check.startswith(COUNTED)
    ]
    assert bare == []
    chances = [figure.chance(0.0) for figure in figures if figure.value is not None and figure.chance is not None]
    assert all(0 <= chance <= 1 for chance in chances)
    limits = [figure.limit or Policy().limit(figure.check, figure.subject) for figure in figures]
    asked = [
        limit.shown is not None and f.value is not None and f.chance is not None
        for f, limit in zip(figures, limits, strict=True)
    ]
    assert judge(figures, Policy(), "").shared == sum(asked)


def test_tonight_alone_is_judged_beside_its_window(figures: list[Figure]) -> None:
    drift = [figure for figure in figures if figure.check.startswith(("drift.", "score.distance", "score.null"))]
    alone = [figure for figure in drift if figure.beside is not None]
    assert {figure.beside for figure in alone} <= {figure.id for figure in drift}
    assert {figure.id for figure in alone} == {f"{figure.beside} (tonight)" for figure in alone}
    beside = Beside(reference())
    first = [*compared_figures(_compared(beside, night(START + 30)), beside, Policy())]
    assert not [figure for figure in first if figure.beside is not None]


def test_a_night_without_labels_is_expected_to_do_as_its_scores_say() -> None:
    audit = night(START + 30, lambda rows: rows.with_columns(label=None))
    beside = Beside(reference())
    found = {figure.check for figure in compared_figures(_compared(beside, audit), beside, Policy())}
    assert {"estimated.roc_auc", "estimated.log_loss"} <= found
    bare = replace(beside, labels=False)
    assert not [f for f in compared_figures(_compared(bare, audit), bare, Policy()) if f.check.startswith("quality.")]
