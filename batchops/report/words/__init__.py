"""Figures into sentences: the only place where sentences are made."""

from __future__ import annotations

from batchops.report.words.columns import column_words
from batchops.report.words.facts import Facts
from batchops.report.words.findings import finding_part, reason_words, since_words, topic_title
from batchops.report.words.tiles import family
from batchops.report.words.verdicts import verdict_part

__all__ = [
    "Facts",
    "column_words",
    "family",
    "finding_part",
    "reason_words",
    "since_words",
    "topic_title",
    "verdict_part",
]
