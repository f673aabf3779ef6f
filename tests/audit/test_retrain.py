from __future__ import annotations

import pytest

from batchops.audit.changes import ConceptPart, DecompositionPart
from batchops.audit.retrain import CASES, Evidence, retrain
from batchops.verdict import Figure, Finding, Limit, Policy, judge

RELIANCE = {"dest": 0.03, "hour": 0.0}


def finding(id: str, value: float = 2.0) -> Finding:
    """WARN from 1, FAIL from 3."""
    check, _, subject = id.partition(":")
    figure = Figure(check, subject or "all rows", value, limit=Limit(warn=1, fail=3))
    return judge([figure], Policy(), "2013-07-04").findings[0]


def concept(mix: float, within: float) -> ConceptPart:
    part = DecompositionPart("log_loss", "kind", mix + within, mix, within, ())
    return ConceptPart("recent", (), (part,))


@pytest.mark.parametrize(
    ("advice", "ids", "evidence"),
    [
        ("keep", [], Evidence(labelled=100)),
        ("keep", [], Evidence()),
        ("look at the data", ["contract.quarantined!"], Evidence(labelled=100)),
        ("look at the data", ["schema.dtype:dest!", "quality.roc_auc"], Evidence(labelled=100)),
        ("look at the data", ["recent.null_share:dest!"], Evidence()),
        ("keep", ["contract.quarantined"], Evidence(labelled=100)),
        ("recalibrate", ["quality.calibration_gap!"], Evidence(labelled=100)),
        ("recalibrate", ["quality.calibration_gap", "concept.cusum:calibration_gap"], Evidence(labelled=100)),
        ("recalibrate", ["concept.shift:mean_error (newest night)"], Evidence(labelled=100)),
        ("retrain", ["quality.calibration_gap", "quality.roc_auc"], Evidence(labelled=100)),
        ("retrain", ["concept.shift:log_loss!"], Evidence(concept=concept(0.01, 0.09), labelled=100)),
        ("keep", ["concept.shift:log_loss!"], Evidence(concept=concept(0.09, 0.01), labelled=100)),
        ("retrain", ["concept.shift:log_loss", "quality.roc_auc"], Evidence(concept=concept(0.09, 0.01), labelled=9)),
        ("keep", ["drift.distance:dest!"], Evidence(labelled=100)),
        ("wait for labels", ["drift.distance:dest!"], Evidence()),
        ("wait for labels", ["drift.outside_share:dest (tonight)"], Evidence()),
        ("keep", ["drift.distance:hour!"], Evidence()),
        ("wait for labels", ["score.distance"], Evidence()),
        ("wait for labels", ["estimated.roc_auc!"], Evidence()),
        ("keep", ["estimated.roc_auc!"], Evidence(labelled=100)),
        ("keep", ["quality.coverage"], Evidence(labelled=100)),
        ("keep", ["slices.log_loss:kind a!"], Evidence(labelled=100)),
    ],
)
def test_the_advice_follows_from_what_was_found(advice: str, ids: list[str], evidence: Evidence) -> None:
    found = tuple(finding(id.removesuffix("!"), 4.0 if id.endswith("!") else 2.0) for id in ids)
    told = retrain(Evidence(found, evidence.concept, RELIANCE, evidence.labelled))
    assert told.advice == advice
    known = {each.id for each in found} | {"decomposition.log_loss:kind"}
    assert set(told.reasons) <= known
    assert told.reasons or advice == "keep"


def test_the_reasons_name_the_findings_and_what_explains_them() -> None:
    found = tuple(finding(id) for id in ("concept.shift:log_loss", "drift.distance:dest", "drift.distance:hour"))
    told = retrain(Evidence(found, concept(0.0, 0.2), RELIANCE, 500))
    assert told.reasons == ("concept.shift:log_loss", "decomposition.log_loss:kind", "drift.distance:dest")


@pytest.mark.parametrize(("everywhere", "advice"), [(1.5, "recalibrate"), (0.1, "retrain")])
def test_an_error_that_all_rows_share_is_mended_by_a_line_and_one_of_a_slice_is_not(
    everywhere: float, advice: str
) -> None:
    figure = Figure("concept.shift", "kind a", 2.0, limit=Limit(warn=1), evidence={"all_rows": everywhere})
    found = judge([figure], Policy(), "2013-07-04").findings
    assert retrain(Evidence(found, labelled=100)).advice == advice


def test_every_advice_is_one_that_the_document_names() -> None:
    assert {name for name, _ in CASES} | {"keep"} == {
        "retrain",
        "recalibrate",
        "look at the data",
        "wait for labels",
        "keep",
    }
