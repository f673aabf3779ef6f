"""Does the world still answer as the model learned? Nights with outcomes against the nights of training.

Sudden change is tested on the newest nights, slow change on control charts; what differs is split into other rows
(covariate drift) and the same rows faring otherwise (concept drift).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from batchops.audit.ages import Aged, age_effects, aged, ripe
from batchops.audit.changes import ChartPart, ConceptPart, DecompositionPart, PartOfChange
from batchops.audit.figures import ALL_ROWS
from batchops.audit.slicing import slice_label
from batchops.audit.state import Reference
from batchops.sketch import K_ANONYMOUS
from batchops.stats import (
    NOT_MEASURED,
    Estimate,
    Quality,
    SliceKey,
    SliceQuality,
    Sparse,
    metrics,
)
from batchops.stats.nights.ages import ALL
from batchops.stats.nights.control import Chart, cusum, cusum_chance, cusum_limit, ewma, ewma_chance, ewma_limit
from batchops.stats.nights.decompose import Decomposition, Share, decompose
from batchops.stats.nights.nightly import Level, Nightly, innovations, level_of, shift_of, weekday_effects
from batchops.stats.numbers.intervals import LEVEL, Spread, influences, spread_of, two_sided
from batchops.stats.outcomes.state import LOSS, SCORE
from batchops.verdict import FALSE_FAILS, Figure, Finding, Limit, Policy, Severity

__all__ = ["NEWEST", "Charted", "Concept", "compare_concept", "concept_figures", "concept_part"]

ENOUGH = 8
"""Nights of a slice below which it is not compared with itself in the reference."""

SUPPORT = 50

ENOUGH_NIGHTS = 20
"""Nights of the reference below which it cannot say how nights follow each other."""

WEEK = 7
"""Nights that a sudden change is looked for on: a whole week, and the newest alone."""

NEWEST = " (newest night)"
"""Ends the subject of a figure of the newest night alone."""

ALONE = FALSE_FAILS
"""A chart passes its limit on so many nights though nothing has changed: by itself, once a year."""

SEASON = 45
"""Days of the year from tonight within which a night of the reference is of the same season."""

LOSSES = ("log_loss", "root_mean_squared_error", "mean_absolute_error")
GAPS = ("calibration_gap", "mean_error")
OTHERS = "others"
ALARMS = (Severity.FAIL, Severity.WARN)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Charted:
    """A metric's nights against the reference's.

    Attributes:
        unit: ``ratio`` of the reference's value, or ``points``.
        limit: Of the change; up to it a chart takes no notice.
        both: It matters on either side.
        reference: The level of the reference.
        week, newest: Change over the last nights, and on the newest, in ``unit``.
        charts: Method -> where it stands; for both sides the one that is further out.
        nights: That were charted.
    """

    metric: str
    unit: str
    limit: Limit
    both: bool
    reference: float
    week: Estimate
    newest: Estimate
    charts: Mapping[str, Chart]
    nights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concept:
    """What nights with outcomes show.

    Attributes:
        season: ``weekday`` where weekdays were told apart, else ``recent``; None of too short a reference.
        covered: The reference has nights of tonight's season.
        slices: Label -> change of its log loss against the same slice of the reference.
        decompositions: (metric, dimension, change over the window).
    """

    season: str | None = None
    covered: bool = False
    charted: tuple[Charted, ...] = ()
    slices: tuple[tuple[str, Estimate], ...] = ()
    decompositions: tuple[tuple[str, str, Decomposition], ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A metric in the reference."""

    level: Level
    effects: Mapping[int, float]


def compare_concept(quality: Quality, reference: Reference, policy: Policy, at_age: Aged | None = None) -> Concept:
    """Compare the nights of a window that have labels with the reference's, at equal age of their labels.

    Args:
        quality: The window's.
        at_age: The same at that age, as `aged` has it, where it is known already.
    """
    at_age = at_age or aged(quality, reference)
    labelled, whole = at_age.quality.nights, ripe(at_age, quality)
    before = reference.audit.quality
    if not labelled or len(before.nights) < ENOUGH_NIGHTS:
        return Concept(decompositions=_decompositions(whole, reference) if whole.nights else ())
    known, nights = _known(reference), at_age.quality
    losses = [metric for metric in LOSSES if metric in known][:1]
    nightly = _nightly(nights, reference, at_age.ages)
    charted = [
        _charted(metric, nightly[metric], known, policy)
        for metric in (*losses, *GAPS)
        if metric in known and metric in nightly
    ]
    weekly = any(known[each.metric].effects for each in charted)
    slices = _shifted(whole, reference, known["log_loss"].level.correlation) if "log_loss" in known else ()
    return Concept(
        season="weekday" if weekly else "recent",
        covered=_covers([*before.nights], max(labelled)),
        charted=tuple(charted),
        slices=tuple(slices),
        decompositions=_decompositions(whole, reference) if whole.nights else (),
    )


@lru_cache(maxsize=8)
def _known(reference: Reference) -> Mapping[str, _Known]:
    """Every charted metric that the reference has on nights enough."""
    found = {}
    for metric, nights in _nightly(reference.audit.quality, reference, {}).items():
        if len(nights.nights) >= ENOUGH_NIGHTS:
            effects = weekday_effects(nights)
            found[metric] = _Known(level_of(nights.minus(effects)), effects)
    return found


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


def _charted(metric: str, nights: Nightly, known: Mapping[str, _Known], policy: Policy) -> Charted:
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
        reference=level.value,
        week=_over(shift_of(level, nights.last(WEEK)), base),
        newest=_over(shift_of(level, nights.last(1)), base),
        charts=charts,
        nights=nights.nights,
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


def _covers(nights: Sequence[str], tonight: str) -> bool:
    """Whether some night lies within `SEASON` days of tonight's day of the year, in whatever year."""
    days = (abs(_day_of_year(night) - _day_of_year(tonight)) for night in nights)
    return any(min(apart, 365 - apart) <= SEASON for apart in days)


def _day_of_year(night: str) -> int:
    return dt.date.fromisoformat(night).timetuple().tm_yday


def _shifted(labelled: Quality, reference: Reference, correlation: float) -> Iterator[tuple[str, Estimate]]:
    """By slice of one dimension: how its log loss differs from the same slice's in the reference, as a share of it.

    Welch's interval, of nights and not of rows; neighbouring nights that are alike make it wider, by the long-run
    variance (1 + rho) / (1 - rho) of their series.
    """
    alike = (1 + correlation) / (1 - correlation)
    now, was = _by_slice(labelled), _before(reference)
    for key in sorted((now.keys() & was.keys()) - {()}):
        here, there = now[key], was[key]
        if min(len(here), len(there)) < ENOUGH or min(here[:, 1].sum(), there[:, 1].sum()) < SUPPORT:
            continue
        base = float(there[:, 0].sum() / there[:, 1].sum())
        spreads = [spread_of(influences(side[:, 0], side[:, 1])) for side in (here, there)]
        variances = [alike * spread.variance for spread in spreads]
        freedom = [spread.freedom / alike for spread in spreads]
        both = sum(variances)
        if base <= 0 or both <= 0:
            continue
        joined = both**2 / sum(v**2 / f for v, f in zip(variances, freedom, strict=True))
        spread = Spread(both / base**2, joined)
        value, rows = float(here[:, 0].sum() / here[:, 1].sum()) / base - 1, int(here[:, 1].sum())
        radius = spread.radius()
        tail = _tail(spread, value)
        yield slice_label(key), Estimate(value, value - radius, value + radius, rows, len(here), chance=tail)


def _tail(spread: Spread, value: float) -> Callable[[float], float]:
    return lambda edge: spread.chance(value - edge)


@lru_cache(maxsize=8)
def _before(reference: Reference) -> Mapping[SliceKey, Floats]:
    return _by_slice(reference.audit.quality)


def _by_slice(quality: Quality) -> Mapping[SliceKey, Floats]:
    """By night, of all rows and of each slice of one dimension: its `_sums`."""
    found: dict[SliceKey, list[tuple[float, ...]]] = {}
    for night in quality.nights.values():
        for key, part in (((), night.overall), *night.slices):
            if len(key) <= 1 and part.labelled:
                found.setdefault(key, []).append(_sums(part))
    return {key: np.array(sums, dtype=np.float64) for key, sums in found.items()}


def _sums(part: SliceQuality) -> tuple[float, ...]:
    """Log loss, labelled rows, and positives less the sum of their scores."""
    return part.log_loss / LOSS, part.labelled, part.positives - part.labelled_score / SCORE


def _decompositions(now: Quality, reference: Reference) -> tuple[tuple[str, str, Decomposition], ...]:
    """Of every dimension that is sliced by alone."""
    sides = [{key: nights.sum(axis=0) for key, nights in side.items()} for side in (_by_slice(now), _before(reference))]
    dimensions = sorted({key[0][0] for key in sides[0] if key})
    found = []
    for place, metric in ((0, "log_loss"), (2, "calibration_gap")):
        for dimension in dimensions:
            large = [{key for key, sums in side.items() if key and sums[1] >= K_ANONYMOUS} for side in sides]
            names = {key for key in large[0] & large[1] if key[0][0] == dimension}
            split = decompose(*(_shares(side, names, place) for side in sides))
            if split is not None and (split.mix or split.within):
                found.append((metric, dimension, split))
    return tuple(found)


def _shares(side: Mapping[SliceKey, Floats], names: AbstractSet[SliceKey], place: int) -> Mapping[str, Share]:
    """Every labelled row once: by slice, and together the rows of small ones."""
    whole = side.get((), np.zeros(3))
    kept = {key[0][1]: Share(float(side[key][place]), int(side[key][1])) for key in sorted(names)}
    rest = int(whole[1]) - sum(share.rows for share in kept.values())
    if rest:
        kept[OTHERS] = Share(float(whole[place]) - sum(share.total for share in kept.values()), rest)
    return kept


def concept_figures(concept: Concept) -> Iterator[Figure]:
    """The newest nights' changes, the charts, and the slices' changes."""
    facts = {"season": concept.season, "covered": int(concept.covered)}
    for each in concept.charted:
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
                evidence={**facts, "reference": each.reference, "nights": change.nights},
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
    for label, change in concept.slices:
        yield Figure(
            "concept.shift",
            label,
            change.value,
            "ratio",
            change.n,
            change.lower,
            change.upper,
            # Whether a slice fails is asked once: of its gap to the other rows.
            can_fail=False,
            evidence={**facts, "nights": change.nights},
            chance=change.chance,
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


def concept_part(concept: Concept, findings: Mapping[str, Finding]) -> ConceptPart | None:
    """The charts and decompositions for audit.json; None before the first label."""
    if not concept.charted and not concept.decompositions:
        return None
    charts = []
    for each in concept.charted:
        shift = findings[f"concept.shift:{each.metric}"]
        began = each.nights[-WEEK:][0] if shift.severity in ALARMS else None
        limit = each.limit.shown or 0.0
        charts.append(ChartPart(each.metric, "shift", shift.value, limit, began, each.week.nights, shift.severity))
        for method, chart in each.charts.items():
            finding = findings[f"concept.{method}:{each.metric}"]
            began = None if chart.start is None or finding.severity not in ALARMS else each.nights[chart.start]
            limit = _chart_limit(method, each)
            charts.append(ChartPart(each.metric, method, chart.value, limit, began, len(each.nights), finding.severity))
    parts = tuple(
        DecompositionPart(
            metric,
            dimension,
            split.total,
            split.mix,
            split.within,
            tuple(PartOfChange(part.slice, part.mix, part.within) for part in split.slices),
        )
        for metric, dimension, split in concept.decompositions
    )
    return ConceptPart(concept.season, tuple(charts), parts)
