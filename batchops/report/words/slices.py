"""For whom the model is worse, by the metric that slices are compared on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import number, percent
from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, subject_words
from batchops.verdict import Finding

__all__ = ["SLICES"]

REMEDY = "See whether the gap remains in a newer model; if so, add features that tell it apart"


def _gap(words: str, name: str, unit: Callable[[float], str]) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, _: Facts) -> Saying:
        own, rest = figure_of(finding, "slice"), figure_of(finding, "rest")
        title = f"{words} for {subject_words(finding)}"
        figures = against_limit(finding)
        if own is not None and rest is not None:
            figures = f"{name} {unit(own)}, {unit(rest)} elsewhere"
        return Saying(
            title=title,
            short=f"{name} of {subject_words(finding)} less that of all other rows",
            headline=f"{title}: {figures}",
            remedy=REMEDY,
        )

    return saying


SLICES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "slices.log_loss": _gap("Scores are further from what came true", "log loss", number),
        "slices.brier_score": _gap("Scores are further from what came true", "Brier score", number),
        "slices.error_rate": _gap("Decisions are wrong more often", "share of errors", percent),
        "slices.false_positive_rate": _gap("There are more false alarms", "false positive rate", percent),
        "slices.false_negative_rate": _gap("More is missed", "false negative rate", percent),
        "slices.selection_rate": _gap("Another share is selected", "selection rate", percent),
        "slices.root_mean_squared_error": _gap("Predictions are further off", "root mean squared error", number),
        "slices.mean_absolute_error": _gap("Predictions are further off", "mean absolute error", number),
        "slices.mean_error": _gap("Predictions lean to one side", "mean error", number),
    }
)
"""By check."""
