from __future__ import annotations

import pytest

from batchops.audit import Audit, Reference, compare_audits
from batchops.audit.figures import drift_figures, shown_values
from batchops.audit.input_figures import Circumstances, input_figures
from batchops.audit.qualities import quality_figures
from batchops.audit.slicing import slice_figures
from batchops.contract import Contract, RuleTally, Tallies
from batchops.models import resolve
from batchops.partition import Night, Receipt
from batchops.run.reference import reference_of
from batchops.sketch import ValueSample
from batchops.verdict import Past, Policy, Severity, judge
from tests.flights import NAME, Flights

FRIDAY = Night.parse("2013-07-05")


@pytest.fixture(scope="module")
def reference(trained: Flights) -> Reference:
    return reference_of(trained.store, resolve(trained.store, f"{NAME}@champion"))


@pytest.fixture(scope="module")
def contract(trained: Flights) -> Contract:
    return trained.job.contract


def test_the_training_nights_do_not_differ_from_themselves(reference: Reference, trained: Flights) -> None:
    policy = Policy(primary="calibration_gap")
    comparison = compare_audits([reference.audit], reference, policy)
    assert len(comparison.columns) == len(trained.job.contract.features)
    for column in (*comparison.columns, comparison.score):
        for component in column.window.components:
            # A category of one row might as well not have been drawn, and is expected as part of that row.
            most = 1.000001 / column.reference.rows if component.check == "distance" else 0.0
            assert (component.change.value or 0.0) <= most, (column.cells.column, component.check)
    for name, now in comparison.metrics.items():
        assert now.value == comparison.metrics_reference[name].value, name
    figures = [
        *drift_figures(comparison, Policy()),
        *quality_figures(comparison, reference.quality),
        *slice_figures(comparison, policy),
    ]
    alarms = {finding.check for finding in judge(figures, Policy(), str(FRIDAY)).alarms}
    assert alarms <= {"quality.coverage", "slices.calibration_gap"}


def test_each_training_night_adds_up_to_the_reference(reference: Reference) -> None:
    total = sum((night.inputs for night in reference.nights[1:]), reference.nights[0].inputs)
    assert total == reference.audit.inputs
    assert len(reference.nights) == 41


def test_before_the_first_label_no_quality_is_judged(reference: Reference) -> None:
    comparison = compare_audits([Audit()], reference, Policy())
    figures = [*quality_figures(comparison, reference.quality), *drift_figures(comparison, Policy())]
    assert figures
    severities = {finding.severity for finding in judge(figures, Policy(), str(FRIDAY)).findings}
    assert severities == {Severity.NOT_RUN}


def rows(count: int, **rules: RuleTally) -> Audit:
    return Audit(tallies=Tallies(count, 0, {name.replace("__", "."): tally for name, tally in rules.items()}))


def pasts(rows: list[int], night: Night = FRIDAY) -> list[Past]:
    """So many earlier nights of the same weekday, and as many of the day before."""
    weeks = range(len(rows), 0, -1)
    same = [Past(str(night - 7 * week), "r", Severity.PASS, n) for week, n in zip(weeks, rows, strict=True)]
    return sorted(
        [*same, *(Past(str(night - 7 * week - 1), "r", Severity.PASS, 5) for week in weeks)], key=lambda p: p.night
    )


def figure(audit: Audit, contract: Contract, history: list[Past], check: str) -> float | None:
    found = [each for each in input_figures(audit, contract, Circumstances(FRIDAY, history)) if each.check == check]
    return found[0].value if found else None


def test_a_nights_volume_is_compared_with_its_own_weekday_once_four_are_known(contract: Contract) -> None:
    assert figure(rows(500), contract, pasts([1000] * 3), "volume.weekday") is None
    assert figure(rows(500), contract, pasts([1000, 10, 1000, 4000]), "volume.weekday") == pytest.approx(-0.5)
    assert figure(rows(1500), contract, pasts([1000] * 4), "volume.weekday") == pytest.approx(0.5)


@pytest.mark.parametrize(("count", "excess"), [(600, 0), (1200, 0), (599, 1), (1201, 1), (0, 600), (1300, 100)])
def test_rows_beyond_the_contracts_bounds_are_counted(contract: Contract, count: int, excess: int) -> None:
    assert figure(rows(count), contract, [], "volume.rows") == excess


def test_what_could_not_be_read_is_a_figure_of_its_own(contract: Contract) -> None:
    audit = Audit(receipts=(Receipt("EWR.parquet", None, unreadable="not a parquet file"),))
    (found,) = [
        each for each in input_figures(audit, contract, Circumstances(FRIDAY)) if each.check == "input.unreadable"
    ]
    assert (found.subject, found.value, found.evidence) == ("EWR.parquet", 1, {"why": "not a parquet file"})


def test_values_that_few_rows_hold_are_never_shown(contract: Contract) -> None:
    values = ValueSample.of([("ZZ", 10), ("YY", 9)])
    audit = rows(100, carrier__isin=RuleTally(100, 19, 0, values))
    rule = next(rule for rule in contract.rules if rule.id == "carrier.isin")
    assert shown_values(rule, contract, audit) == (("ZZ", 10),)
