"""Numbers to positions and SVG path strings; the macros put the ink around them.

Every mark has a fixed view box, which the style sheet stretches: a strip is 30 cells of 10 x 28, a sparkline 200 x 32,
a histogram 200 x 48, a meter 120 x 16, an interval 400 x 24, a calibration plot 320 x 320.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from batchops.audit.columns import Histogram
from batchops.audit.outcomes import CalibrationBin
from batchops.report.formats import number
from batchops.verdict import Severity

__all__ = [
    "Axis",
    "Bar",
    "Curve",
    "Meter",
    "Shape",
    "Spark",
    "Whisker",
    "axis",
    "coordinate",
    "curve",
    "histogram",
    "meter",
    "place",
    "spark",
    "strip",
    "whisker",
]

HEIGHTS = {Severity.FAIL: 28.0, Severity.WARN: 19.0, Severity.PASS: 10.0, Severity.UNSURE: 10.0, Severity.NOT_RUN: 5.0}

NARROW = 1e-6
"""Shares nearer to each other than this are drawn as one."""


def coordinate(value: float) -> str:
    """One decimal, and none where it is zero: ``12.5``, ``3``."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text not in ("-0.0", "0.0") else "0"


def place(value: float, low: float, high: float, length: float) -> float:
    """Where a value lies on a mark of this length; beyond its ends it lies at them, and half way where low is high."""
    if high <= low:
        return length / 2
    return min(max((value - low) / (high - low), 0.0), 1.0) * length


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell of the strip: higher is worse, so that it reads without colour."""

    x: float
    y: float
    height: float
    severity: Severity


def strip(severities: Sequence[Severity], cells: int = 30) -> tuple[Bar, ...]:
    """The last verdicts, the newest at the right."""
    shown = severities[-cells:]
    start = cells - len(shown)
    return tuple(
        Bar((start + i) * 10 + 1, 28 - HEIGHTS[severity], HEIGHTS[severity], severity)
        for i, severity in enumerate(shown)
    )


@dataclass(frozen=True, slots=True)
class Spark:
    """A line over the runs.

    Attributes:
        path: The line, broken where a run has no figure.
        limits: Heights of the dashed lines.
        x, y: The newest figure.
    """

    path: str
    limits: tuple[float, ...]
    x: float
    y: float


def spark(
    values: Sequence[float | None], limits: Sequence[float] = (), width: float = 200, height: float = 32
) -> Spark | None:
    """A line with its limits on one scale; None with fewer than two figures."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return None
    low, high = min(*known, *limits), max(*known, *limits)
    step, inner = width / (len(values) - 1), height - 6
    path, pen, last = [], "M", (0.0, 0.0)
    for i, value in enumerate(values):
        if value is None or not math.isfinite(value):
            pen = "M"
            continue
        last = (i * step, height - 3 - place(value, low, high, inner))
        path.append(f"{pen}{coordinate(last[0])} {coordinate(last[1])}")
        pen = "L"
    return Spark("".join(path), tuple(height - 3 - place(limit, low, high, inner) for limit in limits), *last)


@dataclass(frozen=True, slots=True)
class Shape:
    """Two distributions, scaled to the highest cell of both.

    Attributes:
        reference: A filled area (numbers) or bars (categories).
        current: An outline.
        new: The bar of what the reference does not have, empty where there is none.
    """

    reference: str
    current: str
    new: str


def histogram(cells: Histogram, width: float = 200, height: float = 48) -> Shape | None:
    """The paths of a histogram; None where it has no cell or no mass."""
    top = max((*cells.reference, *cells.current), default=0.0)
    if not top > 0:
        return None
    step, floor, scale = width / len(cells.reference), height - 1, (height - 4) / top
    if cells.kind == "number":
        area = _steps(cells.reference, step, floor, scale)
        return Shape(f"{area}V{coordinate(floor)}z", _steps(cells.current, step, floor, scale), "")
    gap = min(2.0, step / 5)
    new = len(cells.labels) - 1 if cells.labels and cells.labels[-1] == "new" and cells.current[-1] > 0 else None
    reference, current = [], []
    for i, (was, now) in enumerate(zip(cells.reference, cells.current, strict=True)):
        x, wide = coordinate(i * step + gap / 2), coordinate(step - gap)
        if was > 0:
            reference.append(f"M{x} {coordinate(floor)}V{coordinate(floor - was * scale)}h{wide}V{coordinate(floor)}z")
        if i != new:
            current.append(f"M{x} {coordinate(floor - now * scale)}h{wide}")
    bar = ""
    if new is not None:
        bar = (
            f"M{coordinate(new * step + gap / 2)} {coordinate(floor)}"
            f"V{coordinate(floor - max(cells.current[new] * scale, 3))}h{coordinate(step - gap)}V{coordinate(floor)}z"
        )
    return Shape("".join(reference), "".join(current), bar)


def _steps(shares: Sequence[float], step: float, floor: float, scale: float) -> str:
    """A staircase from the floor at the left; equal neighbours are one step."""
    path, i = [f"M0 {coordinate(floor)}"], 0
    while i < len(shares):
        until = i
        while until < len(shares) and coordinate(shares[until] * scale) == coordinate(shares[i] * scale):
            until += 1
        path.append(f"V{coordinate(floor - shares[i] * scale)}H{coordinate(until * step)}")
        i = until
    return "".join(path) + f"V{coordinate(floor)}" * (shares[-1] > 0)


@dataclass(frozen=True, slots=True)
class Meter:
    """Positions on a bar from 0 to 1; None where there is no such figure."""

    value: float
    usual: float | None
    limit: float | None


def meter(value: float, usual: float | None = None, limit: float | None = None) -> Meter:
    """A distance, what is usual, and its limit, on a bar of 120."""

    def at(share: float | None) -> float | None:
        return None if share is None or not math.isfinite(share) else place(share, 0, 1, 120)

    return Meter(place(value, 0, 1, 120), at(usual), at(limit))


@dataclass(frozen=True, slots=True)
class Axis:
    """A shared scale with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float, length: float = 400) -> float:
        """The position of a value."""
        return place(value, self.low, self.high, length)


def axis(values: Sequence[float], most: int = 7) -> Axis:
    """A scale that holds all values and zero, with at most ``most`` ticks at 1, 2 or 5 times a power of ten."""
    low, high = min((*values, 0.0)), max((*values, 0.0))
    if high - low < NARROW:
        low, high = low - 0.05, high + 0.05
    margin = (high - low) * 0.03
    low, high = low - margin, high + margin
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(each * power for each in (1, 2, 5, 10, 20) if (high - low) / (each * power) <= most)
    first, last = math.ceil(low / step), math.floor(high / step)
    return Axis(low, high, tuple(round(i * step, 10) for i in range(first, last + 1)))


@dataclass(frozen=True, slots=True)
class Whisker:
    """An estimate with its interval, and where the reference was."""

    value: float
    low: float
    high: float
    reference: float | None


def whisker(scale: Axis, value: float, bounds: tuple[float | None, float | None], reference: float | None) -> Whisker:
    """Positions of a row of the forest."""
    low, high = (value if bound is None else bound for bound in bounds)
    return Whisker(scale.at(value), scale.at(low), scale.at(high), None if reference is None else scale.at(reference))


@dataclass(frozen=True, slots=True)
class Curve:
    """Calibration: predicted to the right, observed upwards, both on one scale.

    Attributes:
        ticks: (what is written, position along an axis of 260) each.
        unit: Of both.
        current, reference: Dots as (x, y).
        now, was: The same joined, those of each class apart.
        bars: How many rows each dot holds, as (x, height up to 36).
    """

    ticks: tuple[tuple[str, float], ...]
    unit: str
    current: tuple[tuple[float, float], ...]
    reference: tuple[tuple[float, float], ...]
    now: str
    was: str
    bars: tuple[tuple[float, float], ...]


def curve(bins: Sequence[CalibrationBin], numbers: bool = False, unit: str = "%") -> Curve | None:
    """The calibration plot; None without a bin that holds rows.

    Args:
        numbers: Shown as they are, on a scale of their own; else they are shares, shown from 0 in per cent.
    """
    held = [each for each in bins if each.n > 0]
    if not held:
        return None
    current = [(each.label, each.predicted, each.observed) for each in held]
    before = [
        (each.label, each.reference_predicted, each.reference_observed)
        for each in bins
        if each.reference_n > 0 and each.reference_predicted is not None and each.reference_observed is not None
    ]
    values = [value for _, *pair in (*current, *before) for value in pair]
    scale = _numbers(values) if numbers else _shares(max(values))
    most, length = max(each.n for each in held), 260

    def dots(rows: Sequence[tuple[str | None, float, float]]) -> list[tuple[float, float]]:
        return [(scale.at(x, length), length - scale.at(y, length)) for _, x, y in rows]

    factor = 1 if numbers else 100
    return Curve(
        ticks=tuple((number(tick * factor), scale.at(tick, length)) for tick in scale.ticks),
        unit=unit,
        current=tuple(dots(current)),
        reference=tuple(dots(before)),
        now=_joined(dots(current), [label for label, *_ in current]),
        was=_joined(dots(before), [label for label, *_ in before]),
        bars=tuple((scale.at(each.predicted, length), 36 * each.n / most) for each in held),
    )


def _shares(highest: float) -> Axis:
    """From 0 to a round tenth."""
    top = min(1.0, max(0.1, math.ceil(highest * 10 - 1e-9) / 10))
    step = 0.2 if top > 0.6 else 0.1 if top > 0.3 else 0.05
    ticks = (round(i * step, 10) for i in range(round(top / step + 1e-9) + 1))
    return Axis(0.0, top, tuple(tick for tick in ticks if tick <= top + 1e-9))


def _numbers(values: Sequence[float]) -> Axis:
    """What lies between the smallest and the largest."""
    low, high = min(values), max(values)
    inner = axis([0.0, high - low], 5)
    step = inner.ticks[1] - inner.ticks[0]
    first, last = math.ceil(low / step), math.floor(high / step)
    return Axis(low, high, tuple(i * step for i in range(first, last + 1)))


def _joined(dots: Sequence[tuple[float, float]], labels: Sequence[str | None]) -> str:
    """A line through the dots of each label."""
    pens = ["M" if not i or labels[i - 1] != label else "L" for i, label in enumerate(labels)]
    return "".join(f"{pen}{coordinate(x)} {coordinate(y)}" for pen, (x, y) in zip(pens, dots, strict=True))
