"""Skew in words: what training, tonight and another system say of the same columns; one sentence maker a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.audit.sections import SkewColumn, SkewPart
from batchops.report.formats import clean, count, listing, number, plural
from batchops.report.words.facts import Facts
from batchops.report.words.saying import (
    Saying,
    against_limit,
    figure_of,
    limit_words,
    rerun,
    subject_words,
    text_of,
    train,
)
from batchops.verdict import Finding

__all__ = ["SKEWS", "matched_words", "skew_words"]

WHY = {
    "missing": "no file of them is there",
    "incomplete": "not all of their files are there",
    "unreadable": "one of their files is no parquet file, or a damaged one",
    "changed": "their files changed while they were read",
    "keyless": "they lack a column of the key, or have it in another type",
}


def _schema(finding: Finding, facts: Facts) -> Saying:
    column, trained, now = subject_words(finding), text_of(finding, "trained"), text_of(finding, "now")
    before, after = text_of(finding, "trained_contract"), text_of(finding, "contract")
    change = f"{trained} in {before}, {now} in {after}" if before and after else "its contract says otherwise"
    return Saying(
        title=f"{column} is not the feature that was trained on" + (f": {trained} then, {now} now" if now else ""),
        short=f"described otherwise than in training: {column}",
        headline=f"{column}, 1 of {plural(facts.columns, 'column')}, is not the feature that was trained on: {change}",
        remedy=f"Let the job train under {after or 'the contract of tonight'}, or deliver {column} as it was",
        command=train(facts),
    )


def _feature(finding: Finding, facts: Facts) -> Saying:
    column = subject_words(finding)
    differing, rows = figure_of(finding, "differing"), figure_of(finding, "rows")
    of = f"{count(differing)} of {plural(facts.rows if rows is None else rows, 'row')}"
    have = "has" if differing == 1 else "have"
    detail = _apart(
        figure_of(finding, "mean_tonight"), figure_of(finding, "mean_logged"), text_of(finding, "unit") or None
    )
    return Saying(
        title=f"{of} {have} another {column} than was logged" + (f": {detail}" if detail else ""),
        short=f"of rows have another {column} than was logged",
        headline=f"{of} {have} another {column} than was logged, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy=f"See how both systems make {column}: its unit, its moment, its rounding, and what is missing",
    )


def _apart(tonight: float | None, logged: float | None, unit: str | None) -> str:
    """The means of what differs, on both sides; empty where they are not shown."""
    if tonight is None or logged is None:
        return ""
    # What was logged may be in another unit: that is one thing that this line is to show.
    return f"{number(tonight)}{f' {unit}' if unit else ''} tonight, {number(logged)} logged, on average"


def _unmatched(finding: Finding, facts: Facts) -> Saying:
    alone = [figure_of(finding, name) or 0 for name in ("only_tonight", "only_logged")]
    return Saying(
        title=f"Tonight's keys and the logged ones do not match: {count(alone[0])} only tonight, "
        f"{count(alone[1])} only logged",
        short="of keys are tonight's alone, or were logged alone",
        headline=f"{count(sum(alone))} of {plural(finding.n, 'key')} are tonight's alone, or were logged alone",
        remedy="See whether both systems name rows by the same key and cover the same hours; "
        "where the rest is logged later, run the night again",
        command=f'{rerun(facts)} --force --reason "more was logged"',
    )


def _distribution(finding: Finding, _: Facts) -> Saying:
    column = subject_words(finding)
    return Saying(
        title=f"{column} is distributed otherwise than what was logged",
        short=f"distance of {column} from what was logged",
        headline=f"{column} differs from what was logged by {against_limit(finding)}",
        remedy=f"See whether both systems saw the same rows, and made {column} in the same way",
    )


SKEWS: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "skew.schema": _schema,
        "skew.feature": _feature,
        "skew.unmatched": _unmatched,
        "skew.distribution": _distribution,
    }
)


def matched_words(skew: SkewPart) -> str:
    """How the keys of both sides met; why they did not; empty where the job logs nothing."""
    if skew.why is not None:
        return f"What was logged was not compared: {WHY.get(skew.why, clean(skew.why))}."
    if skew.joined is None:
        return ""
    twice = (skew.repeated_tonight or 0) + (skew.repeated_logged or 0)
    nameless = (skew.nameless_tonight or 0) + (skew.nameless_logged or 0)
    left_out = [f"{plural(twice, 'key')} held more than once"] if twice else []
    left_out += [f"{plural(nameless, 'row')} without a whole key"] if nameless else []
    return (
        f"{plural(skew.joined, 'key')} joined; {count(skew.only_tonight)} only tonight, "
        f"{count(skew.only_logged)} only logged."
    ) + (f" Left out: {listing(left_out)}." if left_out else "")


def skew_words(column: SkewColumn) -> str:
    """What one row of the page's table says."""
    if column.why is not None:
        return f"Not compared: {clean(column.why)}."
    if column.kind == "schema":
        return f"{clean(column.trained or '')} → {clean(column.now or '')}"
    if column.kind == "distribution":
        return "As logged." if not column.value else "Distance of tonight's rows from all logged ones."
    if not column.differing:
        return "The same in every row."
    one_sided = [
        f"{count(rows)} missing {where}"
        for rows, where in ((column.missing_tonight, "tonight"), (column.missing_logged, "in what was logged"))
        if rows
    ]
    means = _apart(column.mean_tonight, column.mean_logged, column.unit)
    words = [f"{count(column.differing)} of {plural(column.rows, 'row')}", *one_sided, *([means] if means else [])]
    return "; ".join(words) + "."
