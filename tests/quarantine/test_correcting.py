"""Counts of a night of which some rows were tried again."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, strategies as st

from batchops.contract import RuleTally, Tallies
from batchops.quarantine.correcting import corrected
from batchops.sketch import ValueSample

RULES = ("a.in_range", "b.isin", "frame.agrees", "key.unique")

few = st.integers(0, 9)
samples = st.dictionaries(st.sampled_from("wxyz"), st.integers(1, 9)).map(lambda each: ValueSample.of(each.items()))


@st.composite
def tallies(draw: st.DrawFn, rules: tuple[str, ...] = RULES, rows: int | None = None) -> Tallies:
    """Of rows that were all tried by each of the rules."""
    count = draw(few) if rows is None else rows

    def rule() -> RuleTally:
        failed = draw(st.integers(0, count))
        return RuleTally(count, failed, 0, draw(samples) if failed else ValueSample())

    return Tallies(count, draw(st.integers(0, count)), {id: rule() for id in rules})


def counted(whole: Tallies) -> Mapping[str, tuple[int, Mapping[str, int]]]:
    """What of the rules a part takes away and gives."""
    return {id: (rule.failed, dict(rule.values.counts)) for id, rule in whole.rules.items()}


@given(rest=tallies(), part=tallies())
def test_rows_that_fail_what_they_failed_change_nothing(rest: Tallies, part: Tallies) -> None:
    assert corrected(rest + part, part, part) == rest + part
    assert corrected(rest + part, Tallies(), Tallies()) == rest + part


@given(st.data())
def test_a_night_is_as_if_its_rows_had_been_tried_by_todays_contract_at_once(data: st.DataObject) -> None:
    rest, was = data.draw(tallies()), data.draw(tallies())
    now = data.draw(tallies(rows=was.rows))
    found, at_once = corrected(rest + was, was, now), rest + now
    assert (found.rows, found.quarantined) == (at_once.rows, at_once.quarantined)
    assert found.rules == at_once.rules


@given(st.data())
def test_rows_released_in_two_steps_count_as_in_one(data: st.DataObject) -> None:
    rest, first, second = (data.draw(tallies()) for _ in range(3))
    now = [data.draw(tallies(rows=part.rows)) for part in (first, second)]
    before = rest + first + second
    step = corrected(corrected(before, first, now[0]), second, now[1])
    assert counted(step) == counted(corrected(before, first + second, now[0] + now[1]))
    assert step.quarantined == corrected(before, first + second, now[0] + now[1]).quarantined


@given(rest=tallies(), part=tallies())
def test_a_contract_that_accepts_all_leaves_no_failure_of_the_released_rows(rest: Tallies, part: Tallies) -> None:
    clean = Tallies(part.rows, 0, {id: RuleTally(part.rows) for id in RULES})
    assert corrected(rest + part, part, clean).rules == (rest + clean).rules
    assert corrected(part, part, clean).quarantined == 0


@given(rest=tallies(), was=tallies(), new=tallies(("c.not_null",)))
def test_a_new_rule_is_known_of_the_rows_that_were_tried_again_alone(rest: Tallies, was: Tallies, new: Tallies) -> None:
    found = corrected(rest + was, was, Tallies(was.rows, 0, {**was.rules, **new.rules}))
    assert found.rules["c.not_null"] == new.rules["c.not_null"]


def test_a_rule_that_is_gone_keeps_the_failures_of_other_rows() -> None:
    before = Tallies(9, 4, {"a.in_range": RuleTally(9, 4)})
    assert corrected(before, Tallies(3, 3, {"a.in_range": RuleTally(failed=3)}), Tallies(3)) == Tallies(
        9, 1, {"a.in_range": RuleTally(9, 1)}
    )


def test_a_row_that_could_not_be_read_and_fails_now_was_evaluated_after_all() -> None:
    before = Tallies(2, 2, {"a.in_range": RuleTally(0, 0, 2), "schema.dtype:a": RuleTally(2, 2)})
    was = Tallies(2, 2, {"schema.dtype:a": RuleTally(failed=2)})
    found = corrected(before, was, Tallies(2, 1, {"a.in_range": RuleTally(2, 1)}))
    assert found == Tallies(2, 1, {"a.in_range": RuleTally(1, 1, 1), "schema.dtype:a": RuleTally(2, 0)})


def test_too_many_values_to_be_sampled_stay_too_many() -> None:
    many = ValueSample.of((str(number), 1) for number in range(9000))
    assert many.many
    before = Tallies(9001, 9001, {"a.isin": RuleTally(9001, 9001, 0, many)})
    was = Tallies(1, 1, {"a.isin": RuleTally(failed=1, values=ValueSample.of([("7", 1)]))})
    assert corrected(before, was, Tallies(1, 0, {"a.isin": RuleTally(1)})).of("a.isin").values.many
