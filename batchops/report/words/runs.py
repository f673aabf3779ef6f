"""Many nights in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol

from batchops.report.formats import clean, date, listing, plural
from batchops.report.topics import family_of
from batchops.report.words.tasks import outputs
from batchops.verdict import Past, Severity

__all__ = ["index_headline", "index_lead", "topic_name"]

NAMES = {
    "slices": "Slices are wrong",
    "quality.calibration_gap": "Scores are too low or too high",
    "quality.roc_auc": "The model ranks worse than in training",
    "quality.accuracy": "The model decides wrongly more often than in training",
    "quality.log_loss": "Scores are further from what came true than in training",
    "quality.root_mean_squared_error": "Predictions are further from what came true than in training",
    "quality.mean_error": "Predictions are too high or too low",
    "quality.coverage": "Outcomes are missing",
    "contract.quarantined": "Rows were set aside",
    "input.unreadable": "Files cannot be read",
    "input.empty": "Files have no rows",
    "partition.duplicate": "Files are copies of others",
    "partition.late": "Files came late",
    "volume.rows": "The number of rows is not allowed",
    "volume.weekday": "The number of rows is unusual for the weekday",
    "labels.conflicting": "Labels contradict each other",
    "labels.invalid": "Labels cannot be read",
    "labels.unmatched": "Labels belong to no scored row",
    "labels.unknown": "Labels are of classes that the model does not know",
}
ABOUT = {"contract.rule": "Rule broken", "drift": "Input drift", "schema": "Schema", "freshness": "Old data"}


class Opened(Protocol):
    """An incident, as far as the sentences need it."""

    @property
    def topic(self) -> str:
        """What it is about."""

    @property
    def first(self) -> str:
        """The night it began."""

    @property
    def nights(self) -> int:
        """How many runs it has lasted."""


def topic_name(topic: str, task: str | None = None) -> str:
    """What an incident is about: ``Input drift: temp``."""
    check, _, subject = topic.partition(":")
    if check == "score":
        return f"{outputs(task).capitalize()} are distributed otherwise than in training"
    if check in NAMES:
        return NAMES[check]
    about = ABOUT.get(check) or ABOUT.get(family_of(check)) or ABOUT.get(check.partition(".")[0]) or check
    return f"{about}: {clean(subject)}" if subject else about


def index_headline(history: Sequence[Past]) -> str:
    """How it stands, and for how long."""
    if not history:
        return "No night has run yet"
    level = history[-1].severity
    length = sum(1 for _ in takewhile(lambda past: past.severity is level, reversed(history)))
    words = {
        Severity.FAIL: "Failing",
        Severity.WARN: "Warning",
        Severity.PASS: "Passing",
        Severity.UNSURE: "Unsure",
        Severity.NOT_RUN: "Not judged",
    }
    began = history[-length].night
    nights = f"for {plural(length, 'night')} in a row, since {date(began)}" if length > 1 else f"on {date(began)}"
    return f"{words[level]} {nights}"


def index_lead(incidents: Sequence[Opened], history: Sequence[Past], task: str | None = None) -> str:
    """What is open now."""
    if not history:
        return "The first run will show here."
    if not incidents:
        return "No incident is open."
    told = [f"{topic_name(each.topic, task)} (since {date(each.first, year=False)})" for each in incidents]
    return f"{plural(len(incidents), 'incident')} open: {listing(told, 3)}."
