"""Could a figure's limit be crossed at all? What keeps a comparison from meaning anything, as codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from batchops.verdict import Figure, Limit, Policy

__all__ = ["HIDDEN", "reach", "with_reach"]

WHOLE = {"distance": 1.0, "share": 1.0, "points": 1.0, "fall": 1.0}
"""The largest that a figure of a unit can be."""

WEEK = 7

HIDDEN = 0.5
"""What is usual from which on a window shorter than a week tells its days apart, and little else."""


def reach(figure: Figure, limit: Limit, nights: int = 1) -> str | None:
    """Why this comparison means nothing; None where it means something.

    ``limit out of range``: no value of the figure lies beyond the limit, or a share could not change by so much.
    ``window shorter than season``: windows of so few nights of the reference differ from the rest of it by half of all
    rows, as single nights of a weekday do.
    ``noise above limit``: the smallest change that so few rows could prove is larger than the figure can be.

    Args:
        nights: Of the window.
    """
    shown, most = limit.shown, WHOLE.get(figure.unit)
    if figure.value is None or shown is None or most is None:
        return None
    now, largest = figure.evidence.get("now"), most
    if figure.unit == "share" and isinstance(now, float | int):
        # A share that was w can rise by 1 - w, and fall by w.
        was = now - figure.value
        largest = max(1 - was, was) if figure.side == "both" else 1 - was
    if (figure.side != "lower" and shown >= largest) or (figure.side == "lower" and shown <= 0):
        return "limit out of range"
    usual = figure.usual or 0.0
    if nights < WEEK and figure.unit == "distance" and usual >= max(HIDDEN, shown):
        return "window shorter than season"
    near = _noise(figure)
    if near is not None and figure.side != "lower" and max(shown, usual) + near >= largest:
        return "noise above limit"
    return None


def _noise(figure: Figure) -> float | None:
    """How far an estimate lies inside its interval."""
    if figure.value is None or figure.lower is None or figure.upper is None:
        return None
    return max(figure.value - figure.lower, figure.upper - figure.value) if figure.lower < figure.upper else None


def with_reach(figures: Iterable[Figure], policy: Policy, nights: int) -> Iterator[Figure]:
    """The figures, those that mean nothing with the reason among their evidence."""
    for figure in figures:
        tonight = figure.evidence.get("scope") == "tonight"
        limit = figure.limit or policy.limit(figure.check, figure.subject)
        why = reach(figure, limit, 1 if tonight else nights)
        yield figure if why is None else replace(figure, evidence={**figure.evidence, "reach": why})
