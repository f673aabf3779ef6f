"""A metric by night against the nights of training: sudden change on the newest nights, slow change on charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from batchops.audit.ages import Aged, age_effects
from batchops.audit.changes import ChartPart
from batchops.audit.figures import ALL_ROWS
from batchops.audit.state import Reference
from batchops.stats import NOT_MEASURED, Estimate, Quality, Sparse, metrics
from batchops.stats.nights.ages import ALL
from batchops.stats.nights.control import Chart, cusum, cusum_chance, cusum_limit, ewma, ewma_chance, ewma_limit
from batchops.stats.nights.nightly import Level, Nightly, innovations, level_of, shift_of, weekday_effects
from batchops.stats.numbers.intervals import LEVEL, two_sided
from batchops.verdict import FALSE_FAILS, Figure, Finding, Limit, Policy, Scalar, Severity

__all__ = [
    "ENOUGH_NIGHTS",
    "NEWEST",
    "Charted",
    "Known",
    "chart_figures",
    "chart_parts",
    "charted",
    "known_levels",
]

ENOUGH_NIGHTS = 20
"""Nights of the reference below which it cannot say how nights follow each other."""

WEEK = 7
"""Nights that a sudden change is looked for on: a whole week, and the newest alone."""

NEWEST = " (newest night)"
"""Ends the subject of a figure of the newest night alone."""

ALONE = FALSE_FAILS
"""A chart passes its limit on so many nights though nothing has changed: by itself, once a year."""

LOSSES = ("log_loss", "root_mean_squared_error", "mean_absolute_error", "error_rate")
"""Of these the first that is known: decisions without scores have a share of errors alone."""

GAPS = ("calibration_gap", "mean_error")
ALARMS = (Severity.FAIL, Severity.WARN)


@dataclass(frozen=True, slots=True)
class Charted:
    """A metric's nights against the reference's.

    Attributes:
        unit: ``ratio`` of the reference's value, or ``points``.
        limit: Of the change; up to it a chart takes no notice.
        both: It matters on either side.
        level: Of the reference.
        series: The window's nights, without what their weekdays add.
        week, newest: Change over the last nights, and on the newest, in ``unit``.
        charts: Method -> where it stands; for both sides the one that is further out.
    """

    metric: str
    unit: str
    limit: Limit
    both: bool
    level: Level
    series: Nightly
    week: Estimate
    newest: Estimate
    charts: Mapping[str, Chart]

    @property
    def nights(self) -> tuple[str, ...]:
        """That were charted."""
        return self.series.nights


@dataclass(frozen=True, slots=True)
class Known:
    """A metric in the reference."""

    level: Level
    effects: Mapping[int, float]


@lru_cache(maxsize=8)
def known_levels(reference: Reference) -> Mapping[str, Known]:
    """Every charted metric that the reference has on nights enough."""
    found = {}
    for metric, nights in _nightly(reference.audit.quality, reference, {}).items():
        if len(nights.nights) >= ENOUGH_NIGHTS:
            effects = weekday_effects(nights)
            found[metric] = Known(level_of(nights.minus(effects)), effects)
    return found


def charted(at_age: Aged, reference: Reference, policy: Policy) -> tuple[Charted, ...]:
    """The first loss that the reference knows, and every gap, over the nights of a window."""
    known = known_levels(reference)
    losses = [metric for metric in LOSSES if metric in known][:1]
    nightly = _nightly(at_age.quality, reference, at_age.ages)
    return tuple(
        _charted(metric, nightly[metric], known, policy)
        for metric in (*losses, *GAPS)
        if metric in known and metric in nightly
    )


def _nightly(quality: Quality, reference: Reference, ages: Mapping[str, int]) -> Mapping[str, Nightly]:
    """Every charted metric night by night, with the standard error that independent rows would give it.

    Args:
        ages: Of its labels, by night; what the reference has more at such an age is taken off.
    """
    found: dict[str, list[tuple[str, float, float]]] = {}
    for night, part in sorted(quality.nights.items()):
        # Nothing that is charted needs the histogram, and ranking costs more than all the rest.
        bare = replace(part, slices=(), entities=(), overall=replace(part.overall, histogram=Sparse()))
        estimates = metrics(Quality({night: bare}), reference.quality)
        effects = age_effects(reference, ages.get(night, ALL))
        for metric in (*LOSSES, *GAPS):
            own = estimates.get(metric, NOT_MEASURED)
            if own.value is not None and own.lower is not None and own.upper is not None:
                error = (own.upper - own.lower) / 2 / two_sided(LEVEL)
                found.setdefault(metric, []).append((night, own.value - effects.get(metric, 0.0), error))
    return {metric: Nightly(*zip(*rows, strict=True)) for metric, rows in found.items()}


def _charted(metric: str, nights: Nightly, known: Mapping[str, Known], policy: Policy) -> Charted:
    own, both = known[metric], metric in GAPS
    level, nights = own.level, nights.minus(own.effects)
    limit, unit, base = _limit(metric, policy), "ratio", abs(level.value) or 1.0
    if metric == "calibration_gap":
        unit, base = "points", 1.0
    elif metric == "mean_error" and "root_mean_squared_error" in known:
        base = abs(known["root_mean_squared_error"].level.value) or 1.0
    margin = (limit.shown or 0.0) * base
    up = innovations(level, nights, margin)
    down = -innovations(level, nights, -margin) if both else np.zeros(len(up))
    charts = {
        name: max(chart(up), chart(down), key=lambda each: each.value)
        for name, chart in (("ewma", ewma), ("cusum", cusum))
    }
    return Charted(
        metric=metric,
        unit=unit,
        limit=limit,
        both=both,
        level=level,
        series=nights,
        week=_over(shift_of(level, nights.last(WEEK)), base),
        newest=_over(shift_of(level, nights.last(1)), base),
        charts=charts,
    )


def _limit(metric: str, policy: Policy) -> Limit:
    """A gap in points has that of the gap over all nights, unless the policy names it here."""
    if metric == "calibration_gap" and f"concept.shift:{metric}" not in policy.limits:
        return policy.limit("quality.calibration_gap", ALL_ROWS)
    return policy.limit("concept.shift", metric)


def _over(change: Estimate, base: float) -> Estimate:
    """The change as a share of ``base``."""
    chance, value, lower, upper = change.chance, change.value, change.lower, change.upper
    if value is None or lower is None or upper is None or chance is None:
        return change
    tail = lambda edge: chance(edge * base)  # noqa: E731 - a def cannot be typed after the narrowing
    return Estimate(value / base, lower / base, upper / base, nights=change.nights, chance=tail)


def chart_figures(found: Sequence[Charted], facts: Mapping[str, Scalar]) -> Iterator[Figure]:
    """The newest nights' changes, and the charts."""
    for each in found:
        # One night alone is its own week.
        alone = ((each.metric + NEWEST, each.newest),) if len(each.nights) > 1 else ()
        for subject, change in ((each.metric, each.week), *alone):
            yield Figure(
                "concept.shift",
                subject,
                change.value,
                each.unit,
                change.nights,
                change.lower,
                change.upper,
                side="both" if each.both else "upper",
                limit=each.limit,
                evidence={**facts, "reference": each.level.value, "nights": change.nights},
                chance=change.chance,
            )
        for method, chart in each.charts.items():
            since = None if chart.start is None else each.nights[chart.start]
            yield Figure(
                f"concept.{method}",
                each.metric,
                chart.value,
                "sd",
                len(each.nights),
                # How large a change is that fails is asked of the shift, and of the quality over the window.
                limit=Limit(warn=_chart_limit(method, each)),
                evidence={**facts, "began": since, "margin": each.limit.shown, "nights": len(each.nights)},
                chance=_chart_chance(method, each),
            )


def _chart_limit(method: str, each: Charted) -> float:
    chance = ALONE / (2 if each.both else 1)
    return ewma_limit(chance) if method == "ewma" else cusum_limit(chance, len(each.nights))


def _chart_chance(method: str, each: Charted) -> Callable[[float], float]:
    """Of the chart where it stands; the change that does not matter yet is taken off the innovations already."""
    value = each.charts[method].value
    one = ewma_chance(value) if method == "ewma" else cusum_chance(value, len(each.nights))
    chance = min(1.0, one * (2 if each.both else 1))
    return lambda _: chance


def chart_parts(found: Sequence[Charted], findings: Mapping[str, Finding]) -> tuple[ChartPart, ...]:
    """The charts for audit.json."""
    charts = []
    for each in found:
        shift = findings[f"concept.shift:{each.metric}"]
        began = each.nights[-WEEK:][0] if shift.severity in ALARMS else None
        limit = each.limit.shown or 0.0
        charts.append(ChartPart(each.metric, "shift", shift.value, limit, began, each.week.nights, shift.severity))
        for method, chart in each.charts.items():
            finding = findings[f"concept.{method}:{each.metric}"]
            began = None if chart.start is None or finding.severity not in ALARMS else each.nights[chart.start]
            limit = _chart_limit(method, each)
            charts.append(ChartPart(each.metric, method, chart.value, limit, began, len(each.nights), finding.severity))
    return tuple(charts)
