"""Count how often intervals hold a truth, and how wide they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batchops.stats import Estimate

__all__ = ["HEAD", "Covering"]

HEAD = ("what", "case", "true", "covered %", "±", "mean width")


@dataclass(slots=True)
class _Line:
    truth: float = 0.0
    seen: int = 0
    held: float = 0.0
    width: float = 0.0
    chose: int = 0


@dataclass(slots=True)
class Covering:
    """Intervals of one case, by what they are of; figures without an interval are left out.

    Attributes:
        case: For a table.
    """

    case: str
    lines: dict[str, _Line] = field(default_factory=dict)

    def see(self, what: str, truth: float | None, lower: float | None, upper: float | None) -> None:
        """One interval and what it is to hold."""
        if truth is None or lower is None or upper is None or not math.isfinite(truth):
            return
        line = self.lines.setdefault(what, _Line())
        line.seen, line.held = line.seen + 1, line.held + (lower <= truth <= upper)
        line.truth, line.width = line.truth + truth, line.width + upper - lower

    def see_chosen(self, what: str, chosen: Sequence[tuple[float, float, float]]) -> None:
        """The intervals, as (truth, lower, upper), that one draw chose: the share of them that hold counts once a draw.

        A draw that chose none has missed none, as the rate of false coverage counts it (Benjamini & Yekutieli, 2005).
        """
        line = self.lines.setdefault(what, _Line())
        line.seen, line.chose = line.seen + 1, line.chose + bool(chosen)
        line.held += sum(low <= true <= high for true, low, high in chosen) / len(chosen) if chosen else 1.0
        line.truth += sum(true for true, _, _ in chosen) / max(len(chosen), 1)
        line.width += sum(high - low for _, low, high in chosen) / max(len(chosen), 1)

    def see_all(self, truths: Mapping[str, float | None], found: Mapping[str, Estimate]) -> None:
        """Estimates by name."""
        for name, each in found.items():
            self.see(name, truths.get(name), each.lower, each.upper)

    def shares(self) -> dict[str, float]:
        """Share of intervals that held the truth, by what they are of."""
        return {what: line.held / line.seen for what, line in self.lines.items()}

    def rows(self) -> list[tuple[str, ...]]:
        """Lines of a table, under `HEAD`; the simulation's error is one standard error of 95 % of so many draws."""
        return [
            (
                what,
                self.case,
                f"{line.truth / (line.chose or line.seen):.3g}",
                f"{100 * line.held / line.seen:.1f}",
                f"{100 * math.sqrt(0.05 * 0.95 / line.seen):.1f}",
                f"{line.width / (line.chose or line.seen):.3g}",
            )
            for what, line in self.lines.items()
        ]
