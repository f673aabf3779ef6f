"""What came: files, columns, rows, and the contract's rules on them; one sentence maker a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import amount, count, plural
from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, rerun, subject_words, text_of
from batchops.verdict import Finding

__all__ = ["ARRIVALS"]


def _unreadable(finding: Finding, facts: Facts) -> Saying:
    name, why = subject_words(finding), text_of(finding, "why")
    return Saying(
        title=f"{name} cannot be read{f': {why}' if why else ''}",
        short="file cannot be read",
        headline=f"{name} cannot be read: {amount(finding.value, finding.unit)} lost, "
        f"{plural(facts.rows, 'row')} of the others read",
        remedy="Have the file delivered again, then run the night again",
        command=rerun(facts),
    )


def _schema(what: str, remedy: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        column = subject_words(finding)
        found, expected = text_of(finding, "found"), text_of(finding, "expected")
        types = f" ({found} instead of {expected})" if found and expected else ""
        in_rows = f": {against_limit(finding)}"
        if finding.unit == "rows" and finding.value is not None:
            in_rows = f" in {count(finding.value)} of {count(facts.rows)} rows"
        return Saying(
            title=f"{column} {what}{types}",
            short=f"{column} {what}",
            headline=f"{column} {what}{types}{in_rows}",
            remedy=remedy,
            command="batchops check " + facts.job,
        )

    return saying


def _rule(finding: Finding, _: Facts) -> Saying:
    words = text_of(finding, "words") or subject_words(finding)
    failed, evaluated = figure_of(finding, "failed"), figure_of(finding, "evaluated")
    rows = plural(failed, "row") if failed is not None else amount(finding.value, finding.unit)
    of = f" of {count(evaluated)}" if evaluated is not None else ""
    values = text_of(finding, "values")
    verb = "breaks" if failed == 1 else "break"
    return Saying(
        title=f"{rows} {verb} the rule: {words}" + (f" (most often {values})" if values else ""),
        short=f"of rows break the rule: {words}" if finding.unit == "share" else f"against the rule: {words}",
        headline=f"{count(failed) if of else rows}{of}{' rows' if of else ''} {verb} the rule: {words}",
        remedy="Ask the data's owner whether it is right; correct the source, or widen the rule in the contract",
    )


def _quarantined(_: Finding, facts: Facts) -> Saying:
    return Saying(
        title="Rows were set aside",
        short="of rows set aside",
        headline=f"{count(facts.quarantined)} of {count(facts.rows)} rows were set aside",
        remedy="Look at the failing rules below; the rows lie whole in the run's quarantine folder",
    )


def _volume_rows(finding: Finding, facts: Facts) -> Saying:
    least, most = figure_of(finding, "least"), figure_of(finding, "most")
    fewer = least is not None and facts.rows < least
    allowed = [f"at least {count(least)}"] if least is not None else []
    allowed += [f"at most {count(most)}"] if most is not None else []
    words = f"{'Fewer' if fewer else 'More'} rows than the contract allows"
    return Saying(
        title=words,
        short=f"{'too few' if fewer else 'too many'}" if finding.value else "beyond what the contract allows",
        headline=f"{words}: {count(facts.rows)} tonight, allowed {' and '.join(allowed) or 'none'}",
        remedy="Ask the data's owner whether the delivery is whole",
    )


def _volume_weekday(finding: Finding, facts: Facts) -> Saying:
    usual, weekday = figure_of(finding, "usual"), text_of(finding, "weekday")
    words = f"{'Fewer' if (finding.value or 0.0) < 0 else 'More'} rows than on a usual {weekday or 'such day'}"
    return Saying(
        title=words,
        short=f"rows against a usual {weekday or 'such day'}",
        headline=f"{words}: {count(facts.rows)} tonight" + (f", {count(usual)} usually" if usual is not None else ""),
        remedy="Ask the data's owner whether the delivery is whole",
    )


ARRIVALS: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "input.unreadable": _unreadable,
        "schema.missing_column": _schema("is missing", "Have the column delivered, or release a contract without it"),
        "schema.dtype": _schema("has another type", "Have the column delivered in the contract's type"),
        "schema.coerced": _schema("was converted to the contract's type", "Have it delivered in the contract's type"),
        "schema.extra_column": _schema("is not in the contract", "Add it to the contract, or have it left out"),
        "contract.rule": _rule,
        "contract.quarantined": _quarantined,
        "volume.rows": _volume_rows,
        "volume.weekday": _volume_weekday,
    }
)
