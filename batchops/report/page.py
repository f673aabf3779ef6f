"""The audit page: one file, made from audit.json alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchops.audit.columns import ColumnPart
from batchops.audit.document import AuditDocument, Family, ProvenancePart, ReferencePart, TablePart, WindowPart
from batchops.audit.groups import SlicePart
from batchops.audit.lately import RecentFigure
from batchops.audit.sections import RulePart
from batchops.report import formats, marks
from batchops.report.environment import fill
from batchops.report.topics import BOTH, FAMILIES, groups
from batchops.report.words.saying import limit_words
from batchops.report.words.skew import matched_words
from batchops.report.words.tasks import IN_UNIT, family_title, outputs
from batchops.verdict import Severity

__all__ = ["Links", "render"]

ASIDES = {
    "continue": "",
    "quarantine": " · failing rows are set aside",
    "fail_partition": " · beyond its limit a file is set aside whole",
    "abort_night": " · failing rows are set aside, and a FAIL withholds the night",
}
"""What becomes of failing rows, to follow a rule's level."""

METRICS = (
    "calibration_gap",
    "roc_auc",
    "root_mean_squared_error",
    "mean_error",
    "accuracy",
    "balanced_accuracy",
    "brier_score",
    "log_loss",
    "mean_absolute_error",
    "median_absolute_error",
    "mean_absolute_percentage_error",
    "max_error",
    "r2",
    "explained_variance",
    "mean_squared_error",
    "mean_label",
    "mean_prediction",
    "precision",
    "recall",
    "f1",
)
"""In which order metrics are read, after those that are judged."""

POINTS = ("calibration_gap", "error_rate", "false_positive_rate", "false_negative_rate", "selection_rate")
"""Metrics of slices that are shares, whose gaps are said in points."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where the page leads, relative to itself; None where there is nothing."""

    index: str | None = None


def render(document: AuditDocument, edition: Path | None = None, links: Links | None = None) -> str:
    """The page of a night, as HTML; the same document gives the same bytes.

    Args:
        edition: A template that extends ``base.html.j2``; None: that one itself.

    Raises:
        ConfigError: The edition cannot be rendered.
    """
    view = _frame(document) | _contract(document) | _drift(document) | _quality(document) | _slices(document)
    return fill("base.html.j2", {**view, "links": links or Links()}, edition)


def _frame(document: AuditDocument) -> dict[str, Any]:
    """Everything above the sections, and what all of them use."""
    families = {family.name: family for family in document.families}
    window = document.window
    return {
        "audit": document,
        "severity": Severity,
        "facts": _facts(document),
        "history": _history(document),
        "tiles": [_tile(family, document) for family in document.families],
        "topics": groups(document.findings),
        "titles": {finding.id: finding.title for finding in document.findings},
        "severities": {name: families[name].severity if name in families else None for name in FAMILIES},
        "whys": {name: families[name].why if name in families else None for name in FAMILIES},
        "span": formats.nights(window.first, window.last) if window.first else "",
        "window_words": _window_words(document),
        "was": "training" if document.job else "reference",
        "scores": outputs(document.task),
        "numbers": document.task == "regression",
        "unit": document.unit,
        "provenance": _provenance(document),
        "anchors": _anchors(document),
    }


def _window_words(document: AuditDocument) -> str:
    if document.night is None:
        return "now"
    return f"last {document.window.nights} nights" if document.window.nights > 1 else "tonight"


def _anchors(document: AuditDocument) -> frozenset[str]:
    """Every id that a link may lead to."""
    slices = document.slices or ()
    skew = document.skew.columns if document.skew else ()
    return frozenset(
        [
            *("verdict", "findings", "contract", "drift", "quality", "slices", "provenance"),
            *(["score"] if document.score else []),
            *(["skew"] if document.skew else []),
            *(f"rule-{formats.slug(rule.id)}" for rule in document.rules),
            *(f"column-{formats.slug(column.column)}" for column in document.columns),
            *(f"slice-{formats.slug(each.label)}" for each in slices),
            *(f"skew-{each.kind}-{formats.slug(each.column)}" for each in skew if each.severity is not Severity.PASS),
        ]
    )


def _facts(document: AuditDocument) -> list[tuple[str, str]]:
    rows, window, made = document.rows, document.window, document.provenance
    counts = document.verdict.counts
    output = {"published": "published", "flagged": "published, flagged", "withheld": "withheld"}
    return [
        *([("Night", formats.date(document.night))] if document.night else []),
        ("Rows scored", f"{formats.count(rows.scored)} of {formats.count(rows.total)}"),
        ("Set aside", formats.count(rows.quarantined)),
        *([("Put back", formats.count(rows.released))] if rows.released else []),
        *([("Window", f"{formats.nights(window.first, window.last)}")] if window.first else []),
        *([("Rows in it", formats.count(window.rows))] if window.first else []),
        *_with_outcome(window),
        *_compared(made),
        *([("Output", output[document.verdict.output])] if document.verdict.output in output else []),
        ("Checks", " · ".join(f"{counts[s.value]} {s.value.lower()}" for s in Severity if counts.get(s.value))),
    ]


def _with_outcome(window: WindowPart) -> list[tuple[str, str]]:
    if window.labelled is None:
        return []
    share = f" ({formats.percent(window.labelled / window.rows)})" if window.rows else ""
    return [("With outcome", f"{formats.count(window.labelled)}{share}")]


def _compared(made: ProvenancePart) -> list[tuple[str, str]]:
    """With what: a model's training, or another table."""
    if made.model is not None and made.model_first is not None and made.model_last is not None:
        return [
            ("Trained on", formats.nights(made.model_first, made.model_last)),
            ("Training rows", formats.count(made.model_rows)),
            ("Model", made.model),
        ]
    if made.reference is None:
        return []
    return [("Reference", made.reference.name), ("Its rows", formats.count(made.reference.rows))]


def _history(document: AuditDocument) -> dict[str, Any]:
    levels = [*(past.severity for past in document.history), document.verdict.severity][-30:]
    told = Counter(levels)
    words = ", ".join(f"{told[severity]} {severity.value.lower()}" for severity in Severity if told[severity])
    return {"bars": marks.strip(levels), "words": f"Last {formats.plural(len(levels), 'run')}: {words}"}


def _limits(family: Family) -> tuple[float, ...]:
    if family.limit is None:
        return ()
    check = family.series.partition(":")[0]
    return (family.limit, -family.limit) if check in BOTH else (family.limit,)


def _tile(family: Family, document: AuditDocument) -> dict[str, Any]:
    """A tile, with its line over the runs and the figure of the run before."""
    past = [each.figures.get(family.series) for each in document.history][-29:]
    values = [*past, family.value]
    limits = _limits(family)
    # Of a limit on both sides, only the one that the line comes near: the other would flatten it.
    near = [limit for limit in limits if len(limits) == 1 or (family.value or 0) * limit >= 0][:1]
    last = next((value for value in reversed(past) if value is not None), None)
    check = family.series.partition(":")[0]
    limit = f"limit {limit_words(check, family.limit, family.unit)}" if family.limit is not None else ""
    if family.name == "slices":
        limit = ""
    text = "; ".join(part for part in (family.text, limit) if part)
    figure = formats.tile(family.value, family.name, family.unit)
    return {
        "anchor": family.name if family.name != "score" or document.score else "drift",
        "title": family_title(family.name, document.task),
        "severity": family.severity,
        "why": family.why,
        "figure": figure,
        "text": text,
        "line": marks.spark(values, near) if family.why is None else None,
        "label": f"{family_title(family.name, document.task)}, last {formats.plural(len(values), 'run')}: now {figure}",
        "runs": formats.plural(len(values), "run"),
        "last": f"last run {formats.tile(last, family.name, family.unit)}",
    }


def _contract(document: AuditDocument) -> dict[str, Any]:
    def order(rule: RulePart) -> tuple[int, float, str]:
        return rule.severity.rank, -(rule.share or 0.0), rule.id

    opaque = frozenset(column.column for column in document.columns if column.kind == "opaque")
    rules = sorted(document.rules, key=order)
    kept = [rule for rule in rules if rule.severity is Severity.PASS and not rule.failed and not rule.unknown]
    return {"rules": [rule for rule in rules if rule not in kept], "kept": kept, "opaque": opaque, "asides": ASIDES}


def _levels(severities: Sequence[Severity]) -> list[Severity]:
    return [severity for severity in Severity if severity in severities]


def _drift(document: AuditDocument) -> dict[str, Any]:
    def order(column: ColumnPart) -> tuple[int, float, float, str]:
        return column.severity.rank, -(column.reliance or 0.0), -(column.window.distance or 0.0), column.column

    columns = sorted(document.columns, key=order)
    skew = document.skew.columns if document.skew else ()
    return {
        "columns": columns,
        "column_levels": _levels([column.severity for column in columns]),
        "skewed": [each for each in skew if each.severity is not Severity.PASS],
        "alike": sum(each.severity is Severity.PASS for each in skew),
        "matched": matched_words(document.skew) if document.skew else "",
    }


def _place(metric: str) -> int:
    return METRICS.index(metric) if metric in METRICS else len(METRICS)


def _quality(document: AuditDocument) -> dict[str, Any]:
    quality = document.quality
    gap = quality.metrics.get("calibration_gap") if quality else None
    named = quality.metrics.items() if quality else ()
    estimates = document.estimated.metrics.items() if document.estimated else ()
    return {
        "estimated": sorted(estimates, key=lambda each: (_place(each[0]), each[0])),
        "recent_columns": _recent(document),
        "metrics": sorted(named, key=lambda each: (each[1].limit is None, _place(each[0]), each[0])),
        "calibration": _calibration(document),
        "overall": gap.value if gap else None,
    }


def _calibration(document: AuditDocument) -> marks.Curve | None:
    if document.quality is None:
        return None
    if document.quality.task == "regression":
        return marks.curve(document.quality.calibration, numbers=True, unit=document.unit or "")
    return marks.curve(document.quality.calibration)


def _recent(document: AuditDocument) -> list[tuple[str, str, RecentFigure]]:
    """(column, what, figure) of everything that is not as in the recent nights, worst first."""
    if document.recent is None:
        return []
    figures = [("score", "distance", document.recent.score)]
    figures += [(name, "distance", figure) for name, figure in document.recent.classes.items()]
    for column in document.recent.columns:
        figures += [
            (column.column, "distance", column.distance),
            (column.column, "missing", column.null_share),
            (column.column, "never seen", column.unseen_share),
        ]
    shown = [
        (name, what, figure)
        for name, what, figure in figures
        if figure is not None and figure.severity not in (Severity.PASS, Severity.NOT_RUN)
    ]
    return sorted(shown, key=lambda each: (each[2].severity.rank, each[0]))


def _slices(document: AuditDocument) -> dict[str, Any]:
    def order(each: SlicePart) -> tuple[int, float, str]:
        return each.severity.rank, -abs(each.gap.value or 0.0), each.label

    every = sorted(document.slices or (), key=order)
    slices = [each for each in every if each.gap.value is not None and each.severity is not Severity.NOT_RUN]
    shown = [
        value
        for each in slices
        for value in (each.gap.value, each.gap.lower, each.gap.upper, each.gap.reference)
        if value is not None
    ]
    limits = [each.limit for each in slices if each.limit is not None]
    metric = document.slicing.metric if document.slicing else ""
    return {
        "slices": slices,
        "of_scores": any(each.missed is not None or "roc_auc" in each.metrics for each in slices),
        "slice_unit": document.unit if metric in IN_UNIT else None,
        "by_gap": metric == "calibration_gap",
        "in_points": metric in POINTS,
        "small": [each for each in every if each not in slices],
        "slice_levels": _levels([each.severity for each in slices]),
        "allowed": limits[0] if limits else None,
        "scale": marks.axis([*shown, *limits, *(-limit for limit in limits)]),
    }


def _reference(part: ReferencePart) -> str:
    if part.unreadable is not None:
        return part.unreadable
    return f"{formats.plural(part.rows, 'row')} in {formats.plural(len(part.files), 'file')}, {part.digest[:12]}"


def _named(what: str, name: str | None, digest: str | None) -> list[tuple[str, str, bool]]:
    return [(what, f"{name} {(digest or '')[:12]}".strip(), True)] if name else []


def _table(what: str, table: TablePart | None) -> list[tuple[str, str, bool]]:
    if table is None:
        return []
    files = f" in {formats.plural(table.files, 'file')}" if table.files else ""
    size = f"{formats.plural(table.rows, 'row')} of {formats.plural(table.columns, 'column')}{files}"
    return [(what, f"{table.name}: {size} {(table.digest or '')[:12]}".strip(), True)]


def _provenance(document: AuditDocument) -> list[tuple[str, str, bool]]:
    """(what, value, is it a code) of everything that made the run."""
    made, run = document.provenance, document.run
    commit = (
        formats.NONE
        if made.git_commit is None
        else made.git_commit[:12] + (" (changed since)" if made.git_dirty else "")
    )
    spent = sorted(run.stages.items(), key=lambda stage: (-stage[1], stage[0]))
    stages = ", ".join(f"{name} {formats.seconds(took)}" for name, took in spent)
    rate = f", {formats.count(run.rows_per_second)} rows a second" if run.rows_per_second else ""
    entries = [
        ("Run", run.id, True),
        ("Kind", run.kind, False),
        ("Started", run.started[:19].replace("T", " "), False),
        ("Took", f"{formats.seconds(run.seconds)}{rate}", False),
        ("Stages", stages or formats.NONE, False),
        ("Peak memory", formats.size(run.peak_memory), False),
        ("Scheduler", run.scheduler, False),
        ("Actor", run.actor, False),
        ("Reason", run.reason or formats.NONE, False),
        *([("Input", run.key[:16], True)] if run.key else []),
        *([("Scores table", run.scores_table, True)] if run.scores_table else []),
        *([("Ledger before", (run.previous_ledger or formats.NONE)[:16], True)] if run.scores_table else []),
        *_named("Model", made.model, made.model_digest),
        *([("Model made", made.model_created[:10], False)] if made.model_created else []),
        *_named("Contract", made.contract, made.contract_digest),
        *_table("Current", made.current),
        *_table("Reference", made.reference),
        *((role, column, True) for role, column in (made.roles or {}).items()),
        *(("Guessed", guess, False) for guess in made.guessed),
        *((f"Reference {each.name}", _reference(each), False) for each in made.references),
        *([("Job", made.job_digest[:16], True)] if made.job_digest else []),
        *([("Policy", made.policy_digest[:16], True)] if made.policy_digest else []),
        ("Code", commit, True),
        ("batchops", made.batchops, False),
        ("Python", made.python, False),
        *((name, version, False) for name, version in sorted(made.libraries.items())),
    ]
    return entries
