"""All columns together, and drift by what the model relies on: one sentence maker a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, scope_words, text_of, train, trained
from batchops.verdict import Finding

__all__ = ["TOGETHER"]


def _multivariate(finding: Finding, facts: Facts) -> Saying:
    columns = text_of(finding, "columns")
    return Saying(
        title=f"Rows can be told from those of {facts.was} by all columns together{scope_words(finding, facts)}"
        + (f": {columns}" if columns else ""),
        short=f"ROC AUC of telling rows from those of {facts.was}",
        headline=f"Rows can be told from those of {facts.was}: ROC AUC {against_limit(finding)}",
        remedy=f"See which columns tell them apart, and whether for good; if so, {trained(facts, 'newer')}",
        command=train(facts),
    )


def _weighted(finding: Finding, facts: Facts) -> Saying:
    columns = text_of(finding, "columns")
    return Saying(
        title="What the model relies on has drifted" + (f": {columns}" if columns else ""),
        short="drift beyond the limits, by reliance",
        headline=f"What the model relies on has drifted: {against_limit(finding)}",
        remedy=f"Look at these columns first; if they changed for good, {trained(facts, 'newer')}",
        command=train(facts),
    )


TOGETHER: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {"drift.multivariate": _multivariate, "drift.weighted": _weighted}
)
