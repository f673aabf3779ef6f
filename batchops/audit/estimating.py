"""What quality is to be expected before the labels, what becomes a figure of it, and what came of earlier estimates.

An estimate holds as long as scores mean what they meant in the reference, which is what nobody knows before the
labels. So it may WARN, and nothing else: it never fails a night, and never lets one pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.audit.figures import ALL_ROWS
from batchops.audit.multivariate import Together
from batchops.audit.outcomes import BacktestPart, EstimatedMetric, EstimatedPart, WeightedPart
from batchops.audit.state import LABEL, SCORE, Reference, outcome_quantum
from batchops.stats import Estimate, NightQuality, ScoreCells
from batchops.stats.estimates.estimated import RELATIVE, Lesson, Outlook, WeightedRows, learn
from batchops.stats.numbers.intervals import LEVEL, two_sided
from batchops.stats.rows.sample import QUANTUM, RowSample
from batchops.verdict import Figure, Finding, Policy, Severity

__all__ = [
    "COMPARED",
    "Estimated",
    "backtest",
    "estimate_night",
    "estimated_figures",
    "estimated_part",
    "kept_figures",
    "rows_alike",
    "weighted_rows",
]

COMPARED = ("roc_auc", "log_loss", "brier_score", "accuracy", "mean_absolute_error", "root_mean_squared_error")
"""Metrics whose estimates are kept, to be set against what comes true."""

LABELLED = 0.5
"""Share of a night's rows with labels from which its estimate is not judged any more: the labels are."""

COVERED = 0.80
"""Share of earlier bands that held the truth, below which an estimate is doubtful."""

ENOUGH = 8
"""Earlier estimates that came true below which their coverage says nothing."""

RECENT, FEW = 14, 5
"""Nights, and how many of them need labels, on which what came true is held against what was estimated."""

DEVIATIONS = 3.0

DOUBTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "drift": ("drift.distance", "drift.multivariate"),
        "outside": ("drift.outside_share", "drift.unseen_share", "drift.grown_share"),
    }
)
"""Findings that say that the reference does not speak for tonight's rows."""

ALARMS = (Severity.FAIL, Severity.WARN)
METRIC = "estimated."
CAME = "realised."
LOWER, UPPER = ".lower", ".upper"


@dataclass(frozen=True, slots=True, eq=False)
class Estimated:
    """A night's estimates.

    Attributes:
        plain: From all that is known of the reference.
        weighted: From those of its rows that look like the window's; None where there are none, or too few.
        reference: What the reference really got, by metric.
        labelled: Share of the night's rows whose labels are known by now.
    """

    plain: Outlook
    weighted: Outlook | None
    reference: Mapping[str, float]
    labelled: float


@lru_cache(maxsize=8)
def _lesson(reference: Reference) -> Lesson:
    return learn(reference.audit.quality, reference.quality)


def estimate_night(
    night: NightQuality | None, reference: Reference, rows: WeightedRows | None = None
) -> Estimated | None:
    """What is expected of a night's rows; None where the reference has no labels or the night no scores.

    Args:
        night: One night (of two tables, the one that is audited): the band is that of a night.
        rows: Of the reference, with their weights; see `weighted_rows`.
    """
    lesson = _lesson(reference)
    plain = None if night is None else lesson.outlook(night)
    if night is None or plain is None:
        return None
    weighted = None if rows is None else lesson.weighted(night, rows)
    return Estimated(plain, weighted, lesson.realised, night.overall.labelled / night.overall.n)


def rows_alike(together: Together | None, cells: ScoreCells) -> WeightedRows | None:
    """The reference's rows weighted towards a window's; None where nobody can tell the two apart.

    Args:
        cells: Of the reference.
    """
    if together is None or together.separation is None:
        return None
    return weighted_rows(together.reference, together.separation.ratios, outcome_quantum(cells), cells.classes)


def weighted_rows(
    sample: RowSample, ratios: NDArray[np.float64], quantum: float = QUANTUM, classes: Sequence[str] = ()
) -> WeightedRows:
    """Sampled rows of the reference, each as much as such rows are likelier among those to be estimated.

    Args:
        ratios: One a kept row, from a classifier that tells the two sides apart and did not see the row.
        quantum: In which the sample keeps scores and labels.
        classes: Names, of more than two classes.
    """
    scores, labels = (sample.number(name, quantum) for name in (SCORE, LABEL))
    if classes:
        scores = np.stack([sample.number(f"{SCORE}_{name}", quantum) for name in classes])
    return WeightedRows(scores, labels, ratios * sample.weights)


def estimated_figures(found: Estimated | None, policy: Policy) -> Iterator[Figure]:
    """By how much each metric that has a limit is expected to be worse than in the reference; none once labels came."""
    if found is None or found.labelled >= LABELLED:
        return
    for name, worse in found.plain.worse.items():
        check = f"{METRIC}{name}"
        limit = policy.limit(check, ALL_ROWS)
        if limit.shown is None:
            continue
        now = found.plain.metrics[name]
        beside = found.weighted.metrics.get(name) if found.weighted is not None else None
        yield Figure(
            check,
            ALL_ROWS,
            worse.value,
            "ratio" if name in RELATIVE else "fall",
            found.plain.n,
            worse.lower,
            worse.upper,
            can_fail=False,
            can_pass=False,
            evidence={
                "metric": name,
                "now": now.value,
                "reference": found.reference[name],
                "weighted": None if beside is None else beside.value,
                "nights": now.nights,
                "scope": "tonight",
            },
            chance=worse.chance,
        )


def estimated_part(
    found: Estimated | None, findings: Mapping[str, Finding], earlier: Sequence[BacktestPart] = ()
) -> EstimatedPart | None:
    """The section of audit.json; None where nothing could be estimated.

    Args:
        findings: The night's, by id.
        earlier: Estimates that came true, oldest first; see `backtest`.
    """
    if found is None:
        return None
    weighted = found.weighted
    bands = [(each.lower, each.upper, each.realised) for each in earlier]
    inside = [low <= value <= high for low, high, value in bands if low is not None and high is not None]
    covered = sum(inside) / len(inside) if inside else None
    return EstimatedPart(
        method=found.plain.method,
        n=found.plain.n,
        metrics=_metrics(found.plain, found.reference, findings),
        weighted=None
        if weighted is None
        else WeightedPart(_metrics(weighted, found.reference, {}), weighted.effective_rows or 0.0),
        doubtful=tuple(_doubts(findings, earlier, covered)),
        covered=covered,
        backtest=tuple(earlier),
    )


def _metrics(
    outlook: Outlook, reference: Mapping[str, float], findings: Mapping[str, Finding]
) -> Mapping[str, EstimatedMetric]:
    def severity(name: str) -> Severity:
        finding = findings.get(f"{METRIC}{name}:{ALL_ROWS}")
        return Severity.NOT_RUN if finding is None else finding.severity

    return {
        name: EstimatedMetric(each.value, each.lower, each.upper, reference.get(name), severity(name))
        for name, each in outlook.metrics.items()
    }


def _doubts(findings: Mapping[str, Finding], earlier: Sequence[BacktestPart], covered: float | None) -> Iterator[str]:
    alarms = {finding.check for finding in findings.values() if finding.severity in ALARMS}
    for reason, checks in DOUBTS.items():
        if alarms & {*checks}:
            yield reason
    if any(_differs([each for each in earlier if each.metric == metric]) for metric in COMPARED):
        yield "concept"
    if covered is not None and len({each.night for each in earlier}) >= ENOUGH and covered < COVERED:
        yield "backtest"


def _differs(nights: Sequence[BacktestPart]) -> bool:
    """Whether what came true of late lies to one side of what was estimated, by more than nights by themselves do.

    Each miss counts in standard deviations, of which the band's part on its side is 1.96; their mean over k nights
    varies by 1 / sqrt(k), somewhat more as nights that follow each other are alike. Bands of errors are skewed: nights
    mostly lie below what is expected of them, and a few far above.
    """
    misses = [miss for each in nights[-RECENT:] if (miss := _miss(each)) is not None]
    return len(misses) >= FEW and abs(sum(misses)) / math.sqrt(len(misses)) > DEVIATIONS


def _miss(night: BacktestPart) -> float | None:
    """By how many standard deviations of its side a night lies from its estimate; None without a band on that side."""
    off = night.realised - night.estimated
    end = night.upper if off > 0 else night.lower
    if end is None or end == night.estimated:
        return None
    return two_sided(LEVEL) * off / abs(end - night.estimated)


def kept_figures(found: Estimated | None, came: Mapping[str, Estimate]) -> Mapping[str, float | None]:
    """What later nights need to know of this one's estimates, and of what came true.

    Args:
        came: Metrics of this night alone; without a value before its labels.
    """
    kept: dict[str, float | None] = {}
    estimates = {} if found is None else found.plain.metrics
    for name in COMPARED:
        if name in estimates:
            each, key = estimates[name], f"{METRIC}{name}"
            kept |= {key: each.value, f"{key}{LOWER}": each.lower, f"{key}{UPPER}": each.upper}
        if name in came and came[name].value is not None:
            kept[f"{CAME}{name}"] = came[name].value
    return kept


def backtest(nights: Sequence[tuple[str, Mapping[str, float | None]]]) -> tuple[BacktestPart, ...]:
    """Every estimate beside what came true.

    Args:
        nights: Date and `kept_figures`, oldest first; this night's own among them once it has labels.
    """
    found = []
    for night, kept in nights:
        for name in COMPARED:
            estimated, realised = kept.get(f"{METRIC}{name}"), kept.get(f"{CAME}{name}")
            if estimated is not None and realised is not None:
                lower, upper = (kept.get(f"{METRIC}{name}{end}") for end in (LOWER, UPPER))
                found.append(BacktestPart(night, name, estimated, lower, upper, realised))
    return tuple(found)
