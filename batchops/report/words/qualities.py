"""How well scores and predictions did, of tasks that are not told by their ranking alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import number, percent
from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, train, trained
from batchops.verdict import Finding

__all__ = ["QUALITIES"]


def _worse(title: str, name: str, unit: Callable[[float], str]) -> Callable[[Finding, Facts], Saying]:
    """A metric that is worse than it was."""

    def saying(finding: Finding, facts: Facts) -> Saying:
        now, reference = figure_of(finding, "now"), figure_of(finding, "reference")
        words = f"{title} than in {facts.was}"
        return Saying(
            title=words,
            short=f"change of the {name} against {facts.was}",
            headline=f"{words}: "
            + (
                f"{name} {unit(now)}, {unit(reference)} in {facts.was}"
                if now is not None and reference is not None
                else against_limit(finding)
            ),
            remedy=f"See which inputs moved, and {trained(facts, 'newer')}",
            command=train(facts),
        )

    return saying


def _mean_error(finding: Finding, facts: Facts) -> Saying:
    now, reference = figure_of(finding, "now"), figure_of(finding, "reference")
    side = "high" if (finding.value or 0.0) > 0 else "low"
    words = f"Predictions are too {side}"
    return Saying(
        title=words,
        short=f"shift of the mean error, in {facts.was}'s root mean squared error",
        headline=f"{words}: "
        + (
            f"{number(now)} on average, {number(reference)} in {facts.was}"
            if now is not None and reference is not None
            else against_limit(finding)
        ),
        remedy=f"See which inputs moved, and {trained(facts, 'newer')}",
        command=train(facts),
    )


QUALITIES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "quality.accuracy": _worse("The model decides wrongly more often", "accuracy", percent),
        "quality.log_loss": _worse("Scores are further from what came true", "log loss", number),
        "quality.root_mean_squared_error": _worse(
            "Predictions are further from what came true", "root mean squared error", number
        ),
        "quality.mean_error": _mean_error,
    }
)
