import math

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from batchops import codec
from batchops.audit.compare import Comparison, compare_audits
from batchops.audit.outcomes import QualityPart
from batchops.audit.qualities import MAIN_METRICS, judged_change, quality_figures, quality_part
from batchops.audit.state import Audit, Reference
from batchops.stats import Quality, lay_out, lay_out_quality, merge_qualities, metrics, tally_quality
from batchops.verdict import DEFAULT_LIMITS, Figure, Policy, Severity, Verdict, judge

Floats = NDArray[np.float64]
POLICY = Policy()


def binary(rng: np.random.Generator, n: int, wrong: float = 0.0, shock: float = 0.0) -> pl.DataFrame:
    score = rng.beta(2, 4, n)
    odds = (1 - wrong) * np.log(score / (1 - score)) + wrong + rng.normal(0, shock)
    return pl.DataFrame({"score": score, "label": rng.random(n) < 1 / (1 + np.exp(-odds))})


def classes(rng: np.random.Generator, n: int, wrong: float = 0.0, shock: float = 0.0) -> pl.DataFrame:
    scores = rng.dirichlet([1, 1, 2], n)
    true = (1 - wrong) * scores + wrong / 3
    true = np.maximum(true + rng.normal(0, shock / 5, 3), 1e-3)
    true /= true.sum(axis=1, keepdims=True)
    label = np.minimum((rng.random((n, 1)) > np.cumsum(true, axis=1)).sum(axis=1), 2)
    columns = {f"score_{name}": scores[:, place] for place, name in enumerate("abc")}
    return pl.DataFrame({**columns, "label": np.array(list("abc"))[label]})


def numbers(rng: np.random.Generator, n: int, wrong: float = 0.0, shock: float = 0.0) -> pl.DataFrame:
    label = rng.normal(100, 20, n)
    return pl.DataFrame(
        {"label": label, "prediction": label + rng.normal(8 * wrong, 5 * (1 + wrong), n) + rng.normal(0, shock)}
    )


TASKS = {"binary": binary, "multiclass": classes, "regression": numbers}


def compared(
    task: str, now: pl.DataFrame, before: pl.DataFrame | None, nights: int = 1
) -> tuple[Comparison, Reference]:
    laid = now if before is None else before
    cells = lay_out_quality(laid, task)
    was = Quality() if before is None else tally_quality(before, "", (), cells)
    reference = Reference((), lay_out(pl.DataFrame({"score": [0.5]}), ["score"])[0], cells, Audit(quality=was), ())
    size = -(-now.height // nights)
    parts = [tally_quality(part, f"{place:03}", (), cells) for place, part in enumerate(now.iter_slices(size))]
    return compare_audits([Audit(quality=merge_qualities(parts))], reference, POLICY), reference


def verdict(comparison: Comparison, reference: Reference) -> tuple[dict[str, Figure], Verdict]:
    figures = list(quality_figures(comparison, reference.quality))
    return {figure.check: figure for figure in figures}, judge(figures, POLICY, "")


def part_of(comparison: Comparison, reference: Reference, judged: Verdict) -> QualityPart:
    findings = {finding.id: finding for finding in judged.findings}
    part = quality_part(comparison, reference, findings, (None, 0, 0), {"metric.base_rate": 0.3})
    assert part is not None
    assert codec.load(QualityPart, codec.dump(part)) == part
    return part


@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_does_as_it_did_passes(task: str) -> None:
    rng = np.random.default_rng(0)
    comparison, reference = compared(task, TASKS[task](rng, 5_000), TASKS[task](rng, 20_000))
    figures, judged = verdict(comparison, reference)
    assert judged.severity is Severity.PASS
    assert all(figure.chance is not None for check, figure in figures.items() if check != "quality.coverage")
    part = part_of(comparison, reference, judged)
    assert part.task == task
    assert part.n_labelled == 5_000
    assert part.coverage == 1.0
    for name, metric in part.metrics.items():
        assert metric.value is not None, name
        assert metric.reference is not None, name


@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_does_much_worse_fails(task: str) -> None:
    rng = np.random.default_rng(1)
    comparison, reference = compared(task, TASKS[task](rng, 20_000, 0.7), TASKS[task](rng, 20_000))
    _, judged = verdict(comparison, reference)
    assert judged.severity is Severity.FAIL
    part = part_of(comparison, reference, judged)
    failed = [metric for metric in part.metrics.values() if metric.severity is Severity.FAIL]
    assert failed
    for metric in failed:
        assert metric.limit is not None
        assert metric.value is not None
        assert metric.reference is not None


def test_the_change_of_each_task_is_in_its_own_unit() -> None:
    rng = np.random.default_rng(2)
    comparison, reference = compared("regression", numbers(rng, 20_000, 0.4), numbers(rng, 20_000))
    figures, judged = verdict(comparison, reference)
    now, before = comparison.metrics, comparison.metrics_reference
    rise = figures["quality.root_mean_squared_error"]
    root, was = now["root_mean_squared_error"].value or 0, before["root_mean_squared_error"].value or 0
    assert rise.value == pytest.approx(root / was - 1)
    assert rise.lower is not None
    assert rise.upper is not None
    assert rise.lower < (rise.value or 0) < rise.upper
    moved = figures["quality.mean_error"]
    assert moved.value == pytest.approx(((now["mean_error"].value or 0) - (before["mean_error"].value or 0)) / was)
    part = part_of(comparison, reference, judged)
    assert part.metrics["root_mean_squared_error"].limit == pytest.approx(
        was * (1 + (DEFAULT_LIMITS["quality.root_mean_squared_error"].fail or 0))
    )
    assert part.confusion is None
    assert sum(each.n for each in part.calibration) == part.n_labelled


def test_binary_quality_has_its_tables() -> None:
    rng = np.random.default_rng(3)
    comparison, reference = compared("binary", binary(rng, 5_000), binary(rng, 20_000))
    part = part_of(comparison, reference, verdict(comparison, reference)[1])
    assert len(part.thresholds) == 20
    assert len(part.gain) == 10
    assert len(part.calibration) == 10
    assert part.recalibration is not None
    assert part.recalibration.slope == pytest.approx(1.0, abs=0.15)
    assert part.confusion is not None
    assert sum(map(sum, part.confusion.counts)) == 5_000
    assert part.metrics["roc_auc"].baseline == 0.5
    share = part.metrics["base_rate"].value or 0
    assert part.metrics["brier_score"].baseline_last == pytest.approx(share * 0.49 + (1 - share) * 0.09)


def test_classes_have_a_confusion_and_figures_of_their_own() -> None:
    rng = np.random.default_rng(4)
    now = classes(rng, 5_000)
    comparison, reference = compared("multiclass", now, classes(rng, 20_000))
    part = part_of(comparison, reference, verdict(comparison, reference)[1])
    assert part.confusion is not None
    assert part.confusion.labels == ("a", "b", "c")
    assert [sum(line) for line in part.confusion.counts] == [(now["label"] == name).sum() for name in "abc"]
    assert set(part.classes) == {"a", "b", "c"}
    assert {each.label for each in part.calibration} == {"a", "b", "c"}
    assert part.thresholds == ()


def test_decisions_alone_are_judged_by_their_accuracy() -> None:
    rng = np.random.default_rng(5)
    label = rng.random(4_000) < 0.4
    before = pl.DataFrame({"label": label, "prediction": label ^ (rng.random(4_000) < 0.1)})
    now = pl.DataFrame({"label": label, "prediction": label ^ (rng.random(4_000) < 0.3)})
    comparison, reference = compared("binary", now, before)
    figures, judged = verdict(comparison, reference)
    assert set(figures) == {"quality.accuracy", "quality.coverage"}
    assert judged.severity is Severity.FAIL
    part = part_of(comparison, reference, judged)
    assert part.metrics["log_loss"].value is None
    assert part.confusion is not None
    assert part.confusion.threshold is None
    assert (part.thresholds, part.gain, part.recalibration) == ((), (), None)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("n", [1, 3, 40])
def test_a_few_rows_prove_nothing(task: str, n: int) -> None:
    rng = np.random.default_rng(6)
    comparison, reference = compared(task, TASKS[task](rng, n, 0.2), TASKS[task](rng, 5_000))
    _, judged = verdict(comparison, reference)
    assert judged.severity is Severity.PASS
    part_of(comparison, reference, judged)


def test_rows_that_are_all_alike_prove_little_unless_they_are_many() -> None:
    before = numbers(np.random.default_rng(7), 5_000)
    for n, severity in ((12, Severity.UNSURE), (2_000, Severity.FAIL)):
        same = pl.DataFrame({"label": [100.0] * n, "prediction": [106.0] * n})
        _, judged = verdict(*compared("regression", same, before))
        found = {finding.check: finding.severity for finding in judged.findings}
        assert found["quality.root_mean_squared_error"] is severity


@pytest.mark.parametrize("task", TASKS)
def test_without_a_reference_there_is_nothing_to_fall_from(task: str) -> None:
    comparison, reference = compared(task, TASKS[task](np.random.default_rng(8), 2_000), None)
    figures, judged = verdict(comparison, reference)
    measured = {check for check, figure in figures.items() if figure.value is not None}
    assert measured == {"quality.coverage", *(["quality.calibration_gap"] if task == "binary" else [])}
    part = part_of(comparison, reference, judged)
    assert all(metric.reference is None for metric in part.metrics.values())


@pytest.mark.parametrize("task", TASKS)
def test_without_labels_there_is_no_section(task: str) -> None:
    rng = np.random.default_rng(9)
    comparison, reference = compared(task, TASKS[task](rng, 500).drop("label"), TASKS[task](rng, 500))
    figures, _ = verdict(comparison, reference)
    assert all(figure.value is None for figure in figures.values())
    assert quality_part(comparison, reference, {}, (None, 0, 0), {}) is None


@pytest.mark.simulation
@pytest.mark.parametrize("nights", [1, 14])
@pytest.mark.parametrize("task", TASKS)
def test_chances_at_no_change_are_as_rare_as_they_say(task: str, nights: int) -> None:
    rng = np.random.default_rng(10)
    rows, before, shock = (1_000, 1, 0.0) if nights == 1 else (200, 60, 0.3)
    cells = lay_out_quality(pl.concat([TASKS[task](rng, rows, shock=shock) for _ in range(10)]), task)
    pool = [
        tally_quality(TASKS[task](rng, rows, shock=shock), "", (), cells).nights[""]
        for _ in range(2_000 if nights == 1 else 600)
    ]

    def drawn(count: int) -> Quality:
        return Quality({f"{place:03}": pool[rng.integers(len(pool))] for place in range(count)})

    runs, tested, rare = 1_000 if nights == 1 else 300, 0, dict.fromkeys((0.05, 0.01), 0)
    for _ in range(runs):
        now, was = (metrics(drawn(count), cells) for count in (nights, before))
        for name in MAIN_METRICS[task]:
            tested += 1
            chance = judged_change(name, now, was).chance
            assert chance is not None
            for level in rare:
                rare[level] += chance(0.0) <= level
    for level, times in rare.items():
        assert times <= tested * level + 4 * math.sqrt(tested * level), level
