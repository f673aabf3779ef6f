"""What is called what, by task: whether (binary), which of several classes (multiclass), how much (regression)."""

from __future__ import annotations

from batchops.report.formats import decimal, number, percent
from batchops.report.topics import FAMILIES
from batchops.report.words.facts import Facts

__all__ = ["IN_UNIT", "SHARES", "family_title", "outputs", "score_words", "still", "told"]

IN_UNIT = frozenset(
    {
        "max_error",
        "mean_absolute_error",
        "mean_error",
        "mean_label",
        "mean_prediction",
        "median_absolute_error",
        "root_mean_squared_error",
    }
)
"""Metrics in the unit of the label."""

SHARES = frozenset(
    {
        "accuracy",
        "base_rate",
        "error_rate",
        "f1",
        "false_negative_rate",
        "false_positive_rate",
        "mean_absolute_percentage_error",
        "mean_score",
        "positive_rate",
        "precision",
        "recall",
        "selection_rate",
        "specificity",
    }
)

STILL = {
    "binary": ("roc_auc", "Ranking still holds: ROC AUC"),
    "multiclass": ("accuracy", "Decisions are still right as often: accuracy"),
    "regression": ("root_mean_squared_error", "Errors are still as large as they were: root mean squared error"),
}
"""What is judged of how well the model does, and what is said where that holds."""


def outputs(task: str | None) -> str:
    """What a model gives."""
    return "predictions" if task == "regression" else "scores"


def score_words(column: str, task: str | None) -> tuple[str, str]:
    """A column of what the model gives: what it is, and that it is not what it was, to go before "than in training".

    >>> score_words("score_boat", "multiclass")
    ('the scores of boat', 'The scores of boat are distributed otherwise')
    """
    if task != "multiclass":
        scores = outputs(task)
        return f"the {scores}", f"{scores.capitalize()} are distributed otherwise"
    if column == "prediction":
        return "the predicted classes", "Classes are predicted in other shares"
    of = column.removeprefix("score_") if column.startswith("score_") else "the predicted classes"
    return f"the scores of {of}", f"The scores of {of} are distributed otherwise"


def family_title(name: str, task: str | None) -> str:
    """What a tile is called."""
    if name == "score" and task == "regression":
        return "Prediction drift"
    return FAMILIES.get(name, name)


def told(metric: str, value: float | None, unit: str | None = None) -> str:
    """A metric's value in a sentence: ``12.3 min``, ``81.2 %``, ``0.710``."""
    if metric in IN_UNIT:
        return f"{number(value)} {unit}" if unit and value is not None else number(value)
    return percent(value) if metric in SHARES else decimal(value)


def still(facts: Facts) -> tuple[str, str]:
    """The check of how well the model does, and the sentence that it does as well as it did; empty where unknown."""
    metric, words = STILL[facts.task]
    now, was = facts.metrics.get(metric), facts.metrics_reference.get(metric)
    if now is None:
        return f"quality.{metric}", ""
    reference = f", {told(metric, was, facts.unit)} in {facts.was}" if was is not None else ""
    return f"quality.{metric}", f"{words} {told(metric, now, facts.unit)}{reference}."
