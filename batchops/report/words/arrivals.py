"""What came: files, columns, rows, and the contract's rules on them; one sentence maker a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.contract import KEY_UNIQUE_OVER_NIGHTS
from batchops.report.formats import amount, count, date, listing, plural
from batchops.report.words.facts import Facts
from batchops.report.words.saying import (
    Saying,
    against_limit,
    figure_of,
    limit_words,
    rerun,
    subject_words,
    text_of,
)
from batchops.verdict import Finding, Severity

__all__ = ["ARRIVALS"]


def _unreadable(finding: Finding, facts: Facts) -> Saying:
    name, why = subject_words(finding), text_of(finding, "why")
    lost = f"{amount(finding.value, finding.unit)} lost, {plural(facts.rows, 'row')} of the others read"
    what, path = "the file", ""
    if text_of(finding, "reference"):
        name, what, path = f"The {name}", "it", f" as {text_of(finding, 'path')}"
        lost = f"{plural(facts.rows, 'row')} of tonight compared with 0 of its own"
    return Saying(
        title=f"{name} cannot be read{f': {why}' if why else ''}",
        short="file cannot be read",
        headline=f"{name} cannot be read: {lost}",
        remedy=f"Have {what} delivered again{path}, then run the night again",
        command=rerun(facts),
    )


def _empty(finding: Finding, facts: Facts) -> Saying:
    name = subject_words(finding)
    if not facts.job:
        table = "The reference" if name == "the reference" else "The table"
        return Saying(
            title=f"{table} has no rows",
            short="table without rows",
            headline=f"{table} has 0 rows: nothing could be {'compared' if table == 'The reference' else 'judged'}",
            remedy="Ask its producer whether nothing happened or nothing was delivered",
        )
    return Saying(
        title=f"{name} has no rows",
        short="file has no rows",
        headline=f"{name} has 0 rows, the night's other files {count(facts.rows)}",
        remedy="Ask its producer whether nothing happened or nothing was delivered",
    )


def _duplicate(finding: Finding, facts: Facts) -> Saying:
    name, other, night = subject_words(finding), text_of(finding, "file") or "another file", text_of(finding, "night")
    of = f"{other} of {date(night)}" if night else other
    remedy = "Have tonight's own file delivered" if night else "Have one of the two taken out"
    return Saying(
        title=f"{name} is a copy of {of}",
        short=f"of {name}, a copy of {of}",
        headline=f"{name} is a copy of {of}: {_rows(finding, facts)} came before",
        remedy=f"{remedy}, then run the night again",
        command=rerun(facts),
    )


def _late(finding: Finding, facts: Facts) -> Saying:
    name = subject_words(finding)
    stands = "the night's first scores stand, without it" if facts.output == "withheld" else "these replace them"
    return Saying(
        title=f"{name} came after the night was published",
        short=f"of {name}, which came after the night was published",
        headline=f"{name} came after the night was published: {_rows(finding, facts)} were not in its first scores",
        remedy=f"Tell whoever read the night's first scores that {stands}, and the file's producer that it was late",
    )


def _rows(finding: Finding, facts: Facts) -> str:
    """How many of tonight's rows: ``312 of 945 rows``."""
    return f"{count(finding.value)} of {plural(facts.rows, 'row')}"


def _schema(what: str, remedy: str, alone: str = "") -> Callable[[Finding, Facts], Saying]:
    """A column that is not as it should be.

    Args:
        alone: The remedy where there is no contract, only another table.
    """

    def saying(finding: Finding, facts: Facts) -> Saying:
        column = subject_words(finding)
        found, wanted, hint = (text_of(finding, each) for each in ("dtype", "wanted", "hint"))
        typed = finding.check in ("schema.dtype", "schema.coerced") and found and wanted
        about = f" ({found} instead of {wanted})" if typed else f" ({hint} may be its new name)" if hint else ""
        in_rows = f": {against_limit(finding)}"
        if finding.unit == "rows" and finding.value is not None:
            in_rows = f" in {_rows(finding, facts)}" if facts.rows else ", and there are no rows"
        return Saying(
            title=f"{column} {what}{about}",
            short=f"{column} {what}",
            headline=f"{column} {what}{about}{in_rows}",
            remedy=remedy if facts.job or facts.rules else alone or remedy,
            command=f"batchops check {facts.job}" if facts.job else None,
        )

    return saying


def _extra(finding: Finding, facts: Facts) -> Saying:
    if finding.severity is Severity.FAIL:
        what = "is not in the contract, which allows no other column"
        return _schema(what, "Have it left out, or add it to the contract")(finding, facts)
    if not facts.job and not facts.rules:
        return _schema("is not in the reference", "Have it left out, or compare with rows that have it")(finding, facts)
    return _schema("is not in the contract", "Add it to the contract, or have it left out")(finding, facts)


def _coerced(finding: Finding, facts: Facts) -> Saying:
    what = "was converted to the contract's type" if facts.job or facts.rules else "has another type of number"
    remedy = "Have it delivered in the contract's type"
    return _schema(what, remedy, "Have it delivered in the type that the reference has")(finding, facts)


def _freshness(finding: Finding, facts: Facts) -> Saying:
    column, hours = subject_words(finding), amount(finding.value, finding.unit)
    return Saying(
        title=f"The newest {column} lies {hours} before the night's end",
        short=f"from the newest {column} to the night's end",
        headline=f"The newest {column} lies {hours} before the night's end, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy="Ask the data's owner whether a former delivery came again; with the right one, run the night again",
        command=rerun(facts),
    )


def _rule(finding: Finding, _: Facts) -> Saying:
    words = text_of(finding, "words") or subject_words(finding)
    failed, evaluated = figure_of(finding, "failed"), figure_of(finding, "evaluated")
    rows = plural(failed, "row") if failed is not None else amount(finding.value, finding.unit)
    of = f" of {count(evaluated)}" if evaluated is not None else ""
    verb = "breaks" if failed == 1 else "break"
    return Saying(
        title=f"{rows} {verb} the rule: {words}{_beside(finding)}",
        short=f"of rows break the rule: {words}" if finding.unit == "share" else f"against the rule: {words}",
        headline=f"{count(failed) if of else rows}{of}{' rows' if of else ''} {verb} the rule: {words}",
        remedy=_correct(finding),
    )


def _beside(finding: Finding) -> str:
    """What is known of the failing rows: their commonest values, who holds their keys, what else was set aside."""
    values, partitions = text_of(finding, "values"), figure_of(finding, "partitions")
    told = [f"most often {values}"] if values else []
    held = [pair.rpartition(" ") for pair in str(finding.evidence.get("held") or "").split(", ") if pair]
    if held:
        told.append(f"by night: {listing([f'{date(night)} {rows}' for night, _, rows in held], 3)}")
    if partitions:
        told.append(f"{plural(partitions, 'file')} set aside whole")
    return f" ({'; '.join(told)})" if told else ""


def _correct(finding: Finding) -> str:
    dataset, place = text_of(finding, "dataset"), text_of(finding, "place")
    rule = f"the rule in the contract{f' ({place})' if place else ''}"
    if dataset:
        return (
            f"See whether {dataset} is whole; if it is, ask the data's owner what these rows refer to, or change {rule}"
        )
    if finding.subject == KEY_UNIQUE_OVER_NIGHTS:
        return f"See whether rows of an earlier night were delivered again; if a key may come again, change {rule}"
    return f"Ask the data's owner whether it is right; correct the source, or widen {rule}"


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
        "input.empty": _empty,
        "partition.duplicate": _duplicate,
        "partition.late": _late,
        "schema.missing_column": _schema(
            "is missing", "Have the column delivered, or release a contract without it", "Have the column delivered"
        ),
        "schema.dtype": _schema(
            "has another type",
            "Have the column delivered in the contract's type",
            "Have the column delivered in the type that the reference has",
        ),
        "schema.coerced": _coerced,
        "schema.extra_column": _extra,
        "schema.order": _schema("comes in another order", "Have the columns delivered in the contract's order"),
        "contract.rule": _rule,
        "contract.quarantined": _quarantined,
        "volume.rows": _volume_rows,
        "volume.weekday": _volume_weekday,
        "freshness.age": _freshness,
    }
)
