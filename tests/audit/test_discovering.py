from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from batchops.audit.discovering import discovered_figures, discovered_parts, search_terms
from batchops.audit.slicing import slice_label
from batchops.stats import SliceKey
from batchops.stats.discovery import (
    Discovery,
    Proposal,
    Proposals,
    Recount,
    lay_out_loss,
    losses_of,
    measure,
    recount,
)
from batchops.verdict import Limit, Policy, Severity, judge

ERRORS = lay_out_loss("error_rate")
POLICY = Policy({"slices.error_rate": Limit(warn=0.05, fail=0.1)})
KEYS: tuple[SliceKey, ...] = ((("part_of_day", "night"),), (("part_of_day", "night"), ("carrier", "DL")))


def found(nights: int, wrong: float = 0.3, rows_independent: bool = False, narrow: float = 0.5) -> Discovery:
    """Slices as they are on the other half: one of 20 % of the rows, and a part of it."""
    rng = np.random.default_rng(0)
    proposals = Proposals(
        searched=900,
        slices=tuple(Proposal(key, tuple(range(len(key))), (0,) * len(key), 200, 0.2) for key in KEYS),
    )
    parts = []
    for night in range(max(nights, 1)):
        codes = np.stack([rng.random(1_000) >= 0.2, rng.random(1_000) >= narrow]).astype(np.uint8)
        lost = rng.random(1_000) < np.where(codes[0] == 0, wrong, 0.1)
        name = f"2024-03-{night + 1:02}" if nights else ""
        parts.append(recount(codes, losses_of(lost.astype(float), ERRORS), proposals.slices, name))
    terms = search_terms(POLICY, "error_rate", rows_independent=rows_independent)
    return measure(proposals, sum(parts, Recount()), ERRORS, terms)


@pytest.mark.parametrize(
    ("nights", "independent", "expected"),
    [
        (20, False, Severity.FAIL),
        (5, False, Severity.UNSURE),
        (1, False, Severity.UNSURE),
        (0, False, Severity.UNSURE),
        (0, True, Severity.WARN),
    ],
)
def test_only_many_nights_fail_and_only_independent_rows_or_many_nights_warn(
    nights: int, independent: bool, expected: Severity
) -> None:
    figures = tuple(discovered_figures(found(nights, rows_independent=independent), POLICY))
    assert {each.severity for each in judge(figures, POLICY, "2024-03-31").findings} == {expected}


def test_what_differs_by_less_than_the_limit_passes() -> None:
    figures = tuple(discovered_figures(found(20, wrong=0.12), POLICY))
    assert {each.severity for each in judge(figures, POLICY, "2024-03-31").findings} == {Severity.PASS}


def test_figures_and_parts_say_what_the_other_half_holds() -> None:
    discovery = found(20)
    figures = tuple(discovered_figures(discovery, POLICY))
    verdict = judge(figures, POLICY, "2024-03-31")
    parts = discovered_parts(discovery, {each.id: each for each in verdict.findings})
    assert {part.label for part in parts} == {slice_label(key) for key in KEYS} == {each.subject for each in figures}
    wide = next(part for part in parts if len(part.slice) == 1)
    kept = discovery.slices[0]
    assert wide.discovered
    assert (wide.slice, wide.n) == ({"part_of_day": "night"}, kept.n)
    assert wide.gap.value == pytest.approx((kept.value or 0) - (kept.rest or 0))
    assert wide.gap.metric == "error_rate"
    assert (wide.gap.lower_corrected or 0) <= (wide.gap.lower or 0)
    assert wide.p_value is not None
    assert wide.q_value is not None
    assert (wide.limit, wide.severity) == (0.1, Severity.FAIL)
    assert figures[0].evidence["searched"] == 900


def test_declared_slices_are_not_discovered_again_in_any_order_of_their_dimensions() -> None:
    discovery, declared = found(20), frozenset({tuple(reversed(KEYS[1]))})
    assert [each.subject for each in discovered_figures(discovery, POLICY, declared)] == [slice_label(KEYS[0])]
    assert [part.label for part in discovered_parts(discovery, {}, declared)] == [slice_label(KEYS[0])]


def test_fewer_than_ten_rows_are_not_shown_and_cannot_be_had() -> None:
    discovery = found(1)
    few = replace(discovery, slices=tuple(replace(each, n=9) for each in discovery.slices))
    assert not discovered_parts(few, {})
    wide, narrow = discovery.slices
    beside = replace(discovery, slices=(wide, replace(narrow, n=wide.n - 9)))
    assert [part.label for part in discovered_parts(beside, {})] == [slice_label(KEYS[1])]
    apart = replace(discovery, slices=(wide, replace(narrow, n=wide.n - 10)))
    assert len(discovered_parts(apart, {})) == 2


def test_limits_are_those_of_the_metric() -> None:
    terms = search_terms(Policy({"slices.log_loss": Limit(warn=0.2)}), "log_loss")
    assert (terms.limit, terms.scale) == (0.2, "log_loss")
    assert search_terms(POLICY, "error_rate").scale is None
    assert search_terms(Policy({"slices.mean_error": Limit(fail=0.2)}), "mean_error").scale == "root_mean_squared_error"
