"""How well scores and predictions did, of tasks that are not told by their ranking alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import count, plural
from batchops.report.words.facts import Facts
from batchops.report.words.saying import (
    Saying,
    against_limit,
    figure_of,
    limit_words,
    relabel,
    text_of,
    train,
    trained,
)
from batchops.report.words.tasks import told
from batchops.verdict import Finding

__all__ = ["QUALITIES"]


def _worse(title: str, name: str, metric: str) -> Callable[[Finding, Facts], Saying]:
    """A metric that is worse than it was."""

    def saying(finding: Finding, facts: Facts) -> Saying:
        now, reference = figure_of(finding, "now"), figure_of(finding, "reference")
        words, value = f"{title} than in {facts.was}", told(metric, now, facts.unit)
        change = "fall" if metric == "accuracy" else "change"
        return Saying(
            title=words,
            short=f"{change} of the {name} against {facts.was}" + (f", now {value}" if now is not None else ""),
            headline=f"{words}: "
            + (
                f"{name} {value}, {told(metric, reference, facts.unit)} in {facts.was}"
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
    means = [told("mean_error", each, facts.unit) for each in (now, reference)]
    return Saying(
        title=words,
        short=f"shift of the mean error, in {facts.was}'s root mean squared error",
        headline=f"{words}: "
        + (
            f"{means[0]} on average, {means[1]} in {facts.was}"
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
    known = ", ".join(f"{count(rows)} {words}" for words, rows in counts.items() if rows)
    return Saying(
        title=f"Rows that no metric can count: {known}" if known else "Rows that no metric can count",
        short="of rows that no metric can count",
        headline=f"{against_limit(finding)}, of the rows cannot be counted: {known or 'they have no usable score'}",
        remedy="See which column is the score, and what writes it; of classes a score lies between 0 and 1",
    )


def _invalid(finding: Finding, facts: Facts) -> Saying:
    what = {
        "binary": "are neither 0 nor 1",
        "multiclass": "name no class" if facts.job else "are none of the reference's classes",
        "regression": "are no finite numbers",
    }[facts.task]
    found = plural(finding.value or 0, "label")
    return Saying(
        title=f"{found} {what}",
        short=what,
        headline=f"{found} {what}, limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy="Correct the labels' source, then read them again",
        command=relabel(facts),
    )


def _unknown(finding: Finding, facts: Facts) -> Saying:
    found, values = plural(finding.value or 0, "label"), text_of(finding, "values")
    words = f"{found} of classes that the model does not know" + (f": {values}" if values else "")
    return Saying(
        title=words,
        short="labels of classes that the model does not know",
        headline=f"{words}; limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy="Train on nights that hold them: the model is wrong about all such rows, and no metric counts them",
        command=train(facts),
    )


QUALITIES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "quality.accuracy": _worse("The model decides wrongly more often", "accuracy", "accuracy"),
        "quality.log_loss": _worse("Scores are further from what came true", "log loss", "log_loss"),
        "quality.root_mean_squared_error": _worse(
            "Predictions are further from what came true", "root mean squared error", "root_mean_squared_error"
        ),
        "quality.mean_error": _mean_error,
        "quality.left_out": _left_out,
        "labels.invalid": _invalid,
        "labels.unknown": _unknown,
    }
)
