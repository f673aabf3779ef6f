from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from batchops.audit import Audit, Reference
from batchops.audit.concept import Concept, compare_concept, concept_figures, concept_part
from batchops.audit.faring import SliceShift, decompositions, shifted_slices
from batchops.stats import Quality, ScoreCells, lay_out, lay_out_quality, merge_qualities, tally_quality
from batchops.verdict import Finding, Policy, Severity, judge
from tests.audit.nights import day

Floats = NDArray[np.float64]

POLICY = Policy()
TRAINING, WINDOW = 60, 30
KINDS, SHARES = np.array(["a", "b", "c"]), (0.6, 0.25, 0.15)
SCALES = {"a": 1.0, "b": 3.0, "c": 0.5}
"""Standard deviation of the errors of each kind."""


def alike(count: int, correlation: float, spread: float, rng: np.random.Generator) -> Floats:
    """What nights add, for each kind its own."""
    nights = np.empty((count, len(KINDS)))
    nights[0] = rng.normal(0, spread, len(KINDS))
    for place in range(1, count):
        fresh = rng.normal(0, spread * np.sqrt(1 - correlation**2), len(KINDS))
        nights[place] = correlation * nights[place - 1] + fresh
    return nights


def frame(rng: np.random.Generator, shifts: Floats, rows: int = 200, size: float = 1.0) -> pl.DataFrame:
    """A night, with so many standard deviations added to the errors of each kind."""
    kind = rng.choice(len(KINDS), rows, p=SHARES)
    label = rng.normal(50, 10, rows)
    error = (rng.normal(size=rows) + shifts[kind]) * np.array([*SCALES.values()])[kind]
    return pl.DataFrame({"kind": KINDS[kind], "label": label * size, "prediction": (label + error) * size})


def counted(frames: list[pl.DataFrame], first: int, cells: ScoreCells) -> Quality:
    parts = [tally_quality(each, str(day(first + place)), (("kind",),), cells) for place, each in enumerate(frames)]
    return merge_qualities(parts)


def learned(frames: list[pl.DataFrame], task: str = "regression") -> Reference:
    cells = lay_out_quality(pl.concat(frames), task)
    score = lay_out(pl.DataFrame({"score": [0.5]}), ["score"])[0]
    return Reference((), score, cells, Audit(quality=counted(frames, 0, cells)), ())


@cache
def training(size: float = 1.0) -> tuple[list[pl.DataFrame], Reference]:
    rng = np.random.default_rng(1)
    frames = [frame(rng, night, size=size) for night in alike(TRAINING, 0.0, 0.1, rng)]
    return frames, learned(frames)


def later(shifts: dict[str, float], seed: int = 2, size: float = 1.0) -> list[pl.DataFrame]:
    rng = np.random.default_rng(seed)
    moved = np.array([shifts.get(kind, 0.0) for kind in KINDS])
    return [frame(rng, night + moved, size=size) for night in alike(WINDOW, 0.0, 0.1, rng)]


def found(frames: list[pl.DataFrame]) -> tuple[Concept, dict[str, Finding]]:
    _, reference = training()
    concept = compare_concept(counted(frames, TRAINING, reference.quality), reference, POLICY)
    verdict = judge([*concept_figures(concept)], POLICY, str(day(TRAINING + WINDOW)))
    return concept, {finding.id: finding for finding in verdict.findings}


def errors(frames: list[pl.DataFrame], kind: str | None = None) -> Floats:
    rows = pl.concat(frames)
    rows = rows if kind is None else rows.filter(pl.col("kind") == kind)
    return (rows["prediction"] - rows["label"]).to_numpy()


@pytest.mark.parametrize("size", [1.0, 1e5, 1e-200])
def test_a_slice_of_numbers_moves_by_a_share_of_its_own_error(size: float) -> None:
    frames, reference = training(size)
    now = later({"c": 0.5}, size=size)
    shifts = {each.label: each for each in shifted_slices(counted(now, TRAINING, reference.quality), reference)}
    assert set(shifts) == {"kind a", "kind b", "kind c"}
    for kind in KINDS:
        before, after = errors(frames, kind) / size, errors(now, kind) / size
        base = np.sqrt((before**2).mean())
        assert shifts[f"kind {kind}"].change.value == pytest.approx((after.mean() - before.mean()) / base, abs=1e-6)
        together = (errors(now) / size).mean() - (errors(frames) / size).mean()
        assert shifts[f"kind {kind}"].common == pytest.approx(together / base, abs=1e-6)


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_a_real_shift_of_half_a_deviation_is_found_in_its_slice_alone(shift: float) -> None:
    _, findings = found(later({"c": shift}))
    assert findings["concept.shift:kind c"].severity is Severity.WARN
    assert findings["concept.shift:kind c"].evidence["metric"] == "mean_error"
    calm = [findings[f"concept.shift:kind {kind}"] for kind in "ab"]
    assert not [each.id for each in calm if each.severity in (Severity.WARN, Severity.FAIL)]


@pytest.mark.parametrize("correlation", [0.0, 0.7, 0.9])
def test_chances_are_nominal_where_nothing_has_changed(correlation: float) -> None:
    chances = []
    for seed in range(8):
        rng = np.random.default_rng(100 + seed)
        frames = [frame(rng, night, 80) for night in alike(TRAINING + WINDOW, correlation, 0.4, rng)]
        reference = learned(frames[:TRAINING])
        shifts = shifted_slices(counted(frames[TRAINING:], TRAINING, reference.quality), reference)
        chances += [each.change.chance(0.0) for each in shifts if each.change.chance is not None]
    assert len(chances) == 24
    assert np.mean(np.array(chances) <= 0.05) <= 0.1
    assert min(chances) > 0.005


def test_what_nights_of_one_slice_alone_share_is_no_change_of_it() -> None:
    def wandering(seed: int, frames: int) -> Floats:
        rng = np.random.default_rng(seed)
        return np.column_stack([rng.normal(0, 0.3, (frames, 2)), alike(frames, 0.9, 0.5, rng)[:, :1]])

    chances = []
    for seed in range(8):
        rng = np.random.default_rng(200 + seed)
        frames = [frame(rng, night, 80) for night in wandering(seed, TRAINING + WINDOW)]
        reference = learned(frames[:TRAINING])
        shifts = shifted_slices(counted(frames[TRAINING:], TRAINING, reference.quality), reference)
        chances += [each.change.chance(0.1) for each in shifts if each.change.chance and each.label == "kind c"]
    assert np.mean(np.array(chances) <= 0.01) <= 1 / 8


def test_the_change_of_numbers_is_split_as_by_hand() -> None:
    frames, reference = training()
    now = [each.filter((pl.col("kind") != "a") | (pl.int_range(pl.len()) % 2 == 0)) for each in later({"b": 0.4})]
    splits = {each[:2]: each[2] for each in decompositions(counted(now, TRAINING, reference.quality), reference)}
    assert set(splits) == {("mean_squared_error", "kind"), ("mean_error", "kind")}
    for metric, power in (("mean_squared_error", 2), ("mean_error", 1)):
        rows, before = len(errors(now)), len(errors(frames))
        mix = within = 0.0
        for kind in KINDS:
            here, there = errors(now, kind) ** power, errors(frames, kind) ** power
            mix += (len(here) / rows - len(there) / before) * there.mean()
            within += len(here) / rows * (here.mean() - there.mean())
        split = splits[metric, "kind"]
        assert split.mix == pytest.approx(mix, abs=1e-6)
        assert split.within == pytest.approx(within, abs=1e-6)
        assert split.total == pytest.approx((errors(now) ** power).mean() - (errors(frames) ** power).mean(), abs=1e-6)
    assert splits["mean_squared_error", "kind"].mix > 0.3


def test_the_document_has_what_numbers_changed_by() -> None:
    concept, findings = found(later({"c": 0.5}))
    part = concept_part(concept, findings)
    assert part is not None
    assert {(each.metric, each.dimension) for each in part.decompositions} == {
        ("mean_squared_error", "kind"),
        ("mean_error", "kind"),
    }


def decided(rng: np.random.Generator, task: str, wrong: dict[str, float]) -> pl.DataFrame:
    """A night of decisions without scores, of which a share is wrong in each kind."""
    names = np.array(["0", "1"] if task == "binary" else ["x", "y", "z"])
    label, kind = rng.integers(len(names), size=300), rng.choice(KINDS, 300)
    chance = np.array([wrong.get(each, 0.0) for each in kind])
    given = np.where(rng.random(300) < chance, (label + 1) % len(names), label)
    rows = pl.DataFrame({"kind": kind, "label": names[label], "prediction": names[given]})
    return rows.with_columns(pl.col("label", "prediction").cast(pl.Int8)) if task == "binary" else rows


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_of_decisions_alone_the_share_of_errors_is_split_and_compared_by_slice(task: str) -> None:
    rng = np.random.default_rng(5)
    before = [decided(rng, task, {"b": 0.2, "c": 0.1}) for _ in range(30)]
    after = [decided(rng, task, {"b": 0.2, "c": 0.5}) for _ in range(10)]
    reference = learned(before, task)
    now = counted(after, 40, reference.quality)
    ((metric, dimension, split),) = decompositions(now, reference)
    assert (metric, dimension) == ("error_rate", "kind")
    assert split.within == pytest.approx(0.4 / 3, abs=0.03)
    # A slice that never erred has nothing that its errors could be a share of.
    shifts = {each.label: each for each in shifted_slices(now, reference)}
    assert set(shifts) == {"kind b", "kind c"}
    rates = [
        pl.concat(side).filter(kind="c").select((pl.col("label") != pl.col("prediction")).mean()).item()
        for side in (before, after)
    ]
    moved = shifts["kind c"]
    assert (moved.metric, moved.side, moved.change.nights) == ("error_rate", "upper", 10)
    assert moved.change.value == pytest.approx(rates[1] / rates[0] - 1)
    concept = compare_concept(now, reference, POLICY)
    findings = {each.id: each for each in judge([*concept_figures(concept)], POLICY, str(day(50))).findings}
    assert findings["concept.shift:kind c"].severity is Severity.WARN
    assert findings["concept.shift:kind b"].severity not in (Severity.WARN, Severity.FAIL)
    # All rows together have their charts too.
    assert findings["concept.shift:error_rate"].severity in (Severity.WARN, Severity.FAIL)
    assert [each.metric for each in concept.charted] == ["error_rate"]


def test_numbers_that_no_float_holds_are_passed_over() -> None:
    _, reference = training()
    huge = [each.with_columns(pl.col("prediction") * 1e290) for each in later({})]
    now = counted(huge, TRAINING, reference.quality)
    assert shifted_slices(now, reference) == ()
    assert decompositions(now, reference) == ()
    assert SliceShift("kind a", "log_loss", found(later({}))[0].slices[0].change).side == "upper"
