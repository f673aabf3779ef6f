"""For whom the model is worse, by the metric that slices are compared on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import amount
from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, subject_words
from batchops.report.words.tasks import told
from batchops.verdict import Finding

__all__ = ["SLICES", "before_words"]

REMEDY = "See whether the gap remains in a newer model; if so, add features that tell it apart"


def before_words(finding: Finding, facts: Facts) -> str:
    """How a slice's gap was in the reference: beyond the limit already, or nearer to none than its interval reaches."""
    was, value = figure_of(finding, "reference"), finding.value
    if not finding.check.startswith("slices.") or was is None or value is None:
        return ""
    side = 1 if value >= 0 else -1
    nearest = finding.lower if side > 0 else finding.upper
    told = f"{amount(was, finding.unit)} in {facts.was}"
    if finding.limit is not None and side * was > finding.limit:
        return f"{told}, so already there"
    return f"{told}, so it is new" if nearest is not None and side * was < side * nearest else told


def _gap(words: str, name: str, metric: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        own, rest = figure_of(finding, "slice"), figure_of(finding, "rest")
        title = f"{words} for {subject_words(finding)}"
        figures = against_limit(finding)
        if own is not None and rest is not None:
            figures = f"{name} {told(metric, own, facts.unit)}, {told(metric, rest, facts.unit)} elsewhere"
        return Saying(
            title=title,
            short=f"{name} of {subject_words(finding)} less that of all other rows",
            headline=f"{title}: {figures}",
            remedy=REMEDY,
        )

    return saying


SLICES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "slices.log_loss": _gap("Scores are further from what came true", "log loss", "log_loss"),
        "slices.brier_score": _gap("Scores are further from what came true", "Brier score", "brier_score"),
        "slices.error_rate": _gap("Decisions are wrong more often", "share of errors", "error_rate"),
        "slices.false_positive_rate": _gap("There are more false alarms", "false positive rate", "false_positive_rate"),
        "slices.false_negative_rate": _gap("More is missed", "false negative rate", "false_negative_rate"),
        "slices.selection_rate": _gap("Another share is selected", "selection rate", "selection_rate"),
        "slices.root_mean_squared_error": _gap(
            "Predictions are further off", "root mean squared error", "root_mean_squared_error"
        ),
        "slices.mean_absolute_error": _gap("Predictions are further off", "mean absolute error", "mean_absolute_error"),
        "slices.mean_error": _gap("Predictions lean to one side", "mean error", "mean_error"),
    }
)
"""By check."""
