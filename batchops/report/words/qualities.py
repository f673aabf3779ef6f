"""How well scores and predictions did, of tasks that are not told by their ranking alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import count, number, percent
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


def _left_out(finding: Finding, _: Facts) -> Saying:
    causes = {
        "missing": "have no score",
        "impossible": "have a score that is none",
        "weights": "have a weight that is none",
    }
    counts = {words: figure_of(finding, name) or 0.0 for name, words in causes.items()}
    told = ", ".join(f"{count(rows)} {words}" for words, rows in counts.items() if rows)
    return Saying(
        title=f"Rows that no metric can count: {told}" if told else "Rows that no metric can count",
        short="of rows that no metric can count",
        headline=f"{against_limit(finding)}, of the rows cannot be counted: {told or 'they have no usable score'}",
        remedy="See which column is the score, and what writes it; of classes a score lies between 0 and 1",
    )


QUALITIES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "quality.accuracy": _worse("The model decides wrongly more often", "accuracy", percent),
        "quality.log_loss": _worse("Scores are further from what came true", "log loss", number),
        "quality.root_mean_squared_error": _worse(
            "Predictions are further from what came true", "root mean squared error", number
        ),
        "quality.mean_error": _mean_error,
        "quality.left_out": _left_out,
    }
)
