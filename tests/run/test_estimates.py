"""A night's quality before its labels, and what came of the estimate."""

from __future__ import annotations

import pytest

from batchops.audit.outcomes import EstimatedPart
from batchops.run import Outcome
from batchops.verdict import Severity
from tests.flights import NIGHT, Flights


@pytest.fixture(scope="module")
def outcomes(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome, Outcome]:
    """A night before its labels and after, and the next night before its own."""
    project = trained.copy(tmp_path_factory.mktemp("estimates") / "project")
    return project.run(), project.join(), project.run(NIGHT + 1)


def estimated(outcome: Outcome) -> EstimatedPart:
    assert outcome.document is not None
    found = outcome.document.estimated
    assert found is not None
    return found


def test_a_night_without_labels_has_a_band_for_every_metric(outcomes: tuple[Outcome, ...]) -> None:
    before = estimated(outcomes[0])
    assert before.method == "CBPE"
    assert outcomes[0].document is not None
    assert before.n == outcomes[0].document.rows.scored
    assert (before.backtest, before.covered) == ((), None)
    for metric in before.metrics.values():
        assert metric.value is not None
        assert metric.lower is not None
        assert metric.upper is not None
        assert metric.lower <= metric.value <= metric.upper
        assert metric.severity in (Severity.WARN, Severity.UNSURE, Severity.NOT_RUN)


def test_labels_stand_beside_what_was_estimated_without_them(outcomes: tuple[Outcome, ...]) -> None:
    before, after = estimated(outcomes[0]), estimated(outcomes[1])
    assert outcomes[1].document is not None
    quality = outcomes[1].document.quality
    assert quality is not None
    assert {each.metric for each in after.backtest} >= {"roc_auc", "log_loss", "brier_score"}
    for each in after.backtest:
        assert each.night == str(NIGHT)
        assert each.estimated == before.metrics[each.metric].value
        assert each.realised == pytest.approx(quality.metrics[each.metric].tonight)
    assert after.covered is not None


def test_the_next_night_remembers(outcomes: tuple[Outcome, ...]) -> None:
    after, following = estimated(outcomes[1]), estimated(outcomes[2])
    assert [(each.night, each.metric) for each in following.backtest] == [
        (each.night, each.metric) for each in after.backtest
    ]
    assert following.backtest[0].realised == pytest.approx(after.backtest[0].realised)
