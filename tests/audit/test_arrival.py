"""What is judged of how a night came: files against files, the newest row, rules in rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from batchops.audit import Arrival, Audit
from batchops.audit.document import ReferencePart
from batchops.audit.figures import contract_figures
from batchops.audit.input_figures import Circumstances, files_of, input_figures, late_files
from batchops.contract import (
    KEY_UNIQUE_OVER_NIGHTS,
    Contract,
    ForeignKey,
    Freshness,
    Rule,
    RuleTally,
    SchemaTally,
    Tallies,
    compile_contract,
)
from batchops.partition import Fingerprint, Night, Receipt
from batchops.verdict import Figure, Finding, Limit, Past, Policy, Severity, judge
from tests.contract.models import Orders
from tests.laws import obeys_the_laws

NIGHT = Night.parse("2025-06-03")
FAIL, WARN, PASS = Severity.FAIL, Severity.WARN, Severity.PASS


@pytest.fixture(scope="module")
def contract() -> Contract:
    return replace(compile_contract(Orders), rules=(), rows=(None, None), weekday_volume=None)


def receipt(name: str, content: str, rows: int = 10, unreadable: str | None = None) -> Receipt:
    return Receipt(name, Fingerprint(content * 64, rows), rows=rows, scored=rows, unreadable=unreadable)


def past(night: str, late: tuple[str, ...] = (), **files: str) -> Past:
    named = {f"{name}.parquet": content * 16 for name, content in files.items()}
    return Past(night, "run", PASS, files=named, late=late)


def judged(contract: Contract, audit: Audit, around: Circumstances) -> dict[str, Finding]:
    verdict = judge([*input_figures(audit, contract, around)], around.policy, str(around.night))
    return {finding.id: finding for finding in verdict.findings}


def severities(contract: Contract, receipts: list[Receipt], around: Circumstances) -> dict[str, Severity]:
    audit = Audit(receipts=tuple(receipts), tallies=Tallies(sum(each.rows for each in receipts)))
    return {id: finding.severity for id, finding in judged(contract, audit, around).items()}


def test_a_file_without_rows_warns_and_one_that_cannot_be_read_is_no_empty_one(contract: Contract) -> None:
    receipts = [receipt("a.parquet", "a"), receipt("b.parquet", "b", 0), receipt("c.parquet", "c", 0, "damaged")]
    found = severities(contract, receipts, Circumstances(NIGHT))
    assert found == {"input.empty:b.parquet": WARN, "input.unreadable:c.parquet": FAIL}


def test_a_copy_is_told_with_the_file_it_is_a_copy_of(contract: Contract) -> None:
    history = [past("2025-06-01", x="c"), past("2025-06-02", y="c", z="d")]
    receipts = [receipt(f"{name}.parquet", content) for name, content in zip("pqrs", "aacb", strict=True)]
    audit = Audit(receipts=tuple(receipts), tallies=Tallies(40))
    found = judged(contract, audit, Circumstances(NIGHT, history))
    assert {id: finding.severity for id, finding in found.items()} == {
        "partition.duplicate:q.parquet": FAIL,
        "partition.duplicate:r.parquet": FAIL,
    }
    assert found["partition.duplicate:q.parquet"].evidence == {"file": "p.parquet", "night": None, "rows": 10}
    earlier = {"file": "y.parquet", "night": "2025-06-02", "rows": 10}
    assert found["partition.duplicate:r.parquet"].evidence == earlier


def test_files_without_rows_are_copies_of_nothing(contract: Contract) -> None:
    receipts = [receipt("a.parquet", "e", 0), receipt("b.parquet", "e", 0)]
    assert set(severities(contract, receipts, Circumstances(NIGHT, [past("2025-06-02", old="e")]))) == {
        "input.empty:a.parquet",
        "input.empty:b.parquet",
    }
    assert files_of(receipts) == {"a.parquet": "", "b.parquet": ""}


LATE = {
    "a file that was not there": (past("2025-06-03", a="a"), "abc", ("b.parquet", "c.parquet")),
    "the same files": (past("2025-06-03", a="a", b="b"), "ab", ()),
    "a file whose content changed": (past("2025-06-03", a="z", b="b"), "ab", ()),
    "a file under another name": (past("2025-06-03", a="a", old="b"), "ab", ()),
    "a night that was delivered anew": (past("2025-06-03", x="x", y="y"), "ab", ()),
    "a file that was late before": (past("2025-06-03", ("b.parquet",), a="a", b="b"), "ab", ("b.parquet",)),
    "a late file that is gone": (past("2025-06-03", ("b.parquet",), a="a", b="b"), "a", ()),
    "a night that was not published": (None, "ab", ()),
    "a night whose files were not kept": (past("2025-06-03"), "ab", ()),
}


@pytest.mark.parametrize("what", LATE)
def test_late_is_what_was_not_there_when_the_night_was_first_published(contract: Contract, what: str) -> None:
    published, names, expected = LATE[what]
    receipts = [receipt(f"{name}.parquet", name) for name in names]
    assert late_files(receipts, published) == expected
    found = severities(contract, receipts, Circumstances(NIGHT, published=published))
    assert found == {f"partition.late:{name}": WARN for name in expected}


def aged(contract: Contract, hours: float | None, policy: Policy | None = None) -> Severity:
    asked = replace(contract, freshness=Freshness("sent", 26))
    end = 20_243 * 24  # midnight after the night, in hours since 1970
    newest = None if hours is None else int((end - hours) * 3_600_000_000)
    audit = Audit(tallies=Tallies(9), arrival=Arrival(newest))
    around = Circumstances(NIGHT, policy=policy or Policy())
    finding = judged(asked, audit, around)["freshness.age:sent"]
    assert (finding.value, finding.unit) == (hours, "hours")
    return finding.severity


def test_the_newest_row_may_be_as_old_as_the_contract_says(contract: Contract) -> None:
    assert [aged(contract, hours) for hours in (-30, 0, 26, 26.5)] == [PASS, PASS, PASS, FAIL]
    assert aged(contract, None) is Severity.NOT_RUN


def test_a_jobs_policy_takes_the_place_of_the_contracts_age(contract: Contract) -> None:
    policy = Policy({"freshness.age:sent": Limit(warn=10, fail=50)})
    assert [aged(contract, hours, policy) for hours in (9, 40, 51)] == [PASS, WARN, FAIL]


def test_a_dataset_that_cannot_be_read_blocks_the_night(contract: Contract) -> None:
    part = ReferencePart("customers", "customers/*.parquet", (), "0", 0, "no file is there")
    found = judged(contract, Audit(), Circumstances(NIGHT, references=[part]))["input.unreadable:reference customers"]
    assert (found.severity, found.blocking) == (FAIL, True)
    assert judged(contract, Audit(), Circumstances(NIGHT, references=[replace(part, unreadable=None)])) == {}


def test_a_column_too_many_fails_where_no_other_is_allowed(contract: Contract) -> None:
    audit = Audit(schema=SchemaTally({"notes": {"String": 5}}), tallies=Tallies(5))
    for strict, severity in (("allow", WARN), ("forbid", FAIL)):
        asked = replace(contract, strict=strict)  # type: ignore[arg-type]
        assert judged(asked, audit, Circumstances(NIGHT))["schema.extra_column:notes"].severity is severity
    mild = Circumstances(NIGHT, policy=Policy({"schema.extra_column:notes": Limit()}))
    assert judged(replace(contract, strict="forbid"), audit, mild)["schema.extra_column:notes"].severity is PASS


def figure(contract: Contract, rule: Rule, audit: Audit) -> Figure:
    asked = replace(contract, rules=(rule,))
    return next(each for each in contract_figures(audit, asked, Audit()) if each.subject == rule.id)


@pytest.mark.parametrize(("failed", "severity"), [(0, PASS), (3, PASS), (4, WARN), (12, WARN), (13, FAIL)])
def test_a_limit_in_rows_is_held_against_the_failing_rows(contract: Contract, failed: int, severity: Severity) -> None:
    rule = Rule("count.gt", ("count",), "count is above 0", limit=Limit(warn=3, fail=12), unit="rows")
    audit = Audit(tallies=Tallies(1_000_000, 0, {"count.gt": RuleTally(1_000_000, failed)}))
    found = figure(contract, rule, audit)
    assert (found.value, found.unit) == (failed, "rows")
    assert judge([found], Policy(), str(NIGHT)).findings[0].severity is severity


def test_a_rule_in_rows_that_was_tried_on_none_is_not_run(contract: Contract) -> None:
    rule = Rule("count.gt", ("count",), "count is above 0", unit="rows")
    assert figure(contract, rule, Audit(tallies=Tallies(5, 0, {"count.gt": RuleTally(0, 0, 5)}))).value is None


def test_a_finding_names_the_nights_that_hold_its_keys_and_the_files_set_aside(contract: Contract) -> None:
    arrival = Arrival(held={"2025-06-02": 3, "2025-06-01": 0}, set_aside={"number.in_customers": 2})
    tallies = Tallies(9, 0, {KEY_UNIQUE_OVER_NIGHTS: RuleTally(9, 3), "number.in_customers": RuleTally(9, 4)})
    audit = Audit(tallies=tallies, arrival=arrival)
    again = figure(contract, Rule(KEY_UNIQUE_OVER_NIGHTS, ("number",), "", scope="dataset"), audit)
    assert (again.evidence["held"], again.evidence["nights"]) == ("2025-06-02 3", 2)
    customers = ForeignKey("customers", ("number",), "customers.parquet", ("id",))
    rule = Rule(customers.rule, ("number",), "", action="fail_partition", scope="dataset")
    asked = figure(replace(contract, references=(customers,)), rule, audit)
    assert (asked.evidence["dataset"], asked.evidence["partitions"]) == ("customers", 2)


COUNTS = st.dictionaries(st.sampled_from(["2025-06-01", "2025-06-02", "a.isin"]), st.integers(0, 9))
ARRIVALS = st.builds(Arrival, st.none() | st.integers(-(2**60), 2**60), COUNTS, COUNTS)


@given(st.lists(ARRIVALS, min_size=1, max_size=5))
def test_how_rows_came_adds_up(parts: list[Arrival]) -> None:
    def total(found: list[Arrival]) -> Arrival:
        return sum(found[1:], found[0])

    obeys_the_laws(
        [[part] for part in parts], total, lambda groups: [part for group in groups for part in group], Arrival()
    )
