"""What is expected before the labels; one sentence maker a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, relabel
from batchops.report.words.tasks import told
from batchops.verdict import Finding

__all__ = ["ESTIMATES"]


def _expected(metric: str, name: str, rises: bool) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        now, reference = figure_of(finding, "now"), figure_of(finding, "reference")
        known = now is not None and reference is not None
        change = "rise" if rises else "fall"
        return Saying(
            title=f"The {name} is expected to {change} against {facts.was}, before any outcome is known",
            short=f"expected {change} of the {name} against {facts.was}",
            headline=f"The {name} is expected to be "
            + (
                f"{told(metric, now, facts.unit)}, and was {told(metric, reference, facts.unit)} in {facts.was}"
                if known
                else f"worse than in {facts.was} by {against_limit(finding)}"
            ),
            remedy="Use the scores with care until labels come: this is what follows if the model errs as it did",
            command=relabel(facts),
        )

    return saying


ESTIMATES: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "estimated.roc_auc": _expected("roc_auc", "ROC AUC", rises=False),
        "estimated.log_loss": _expected("log_loss", "log loss", rises=True),
        "estimated.root_mean_squared_error": _expected(
            "root_mean_squared_error", "root mean squared error", rises=True
        ),
    }
)
