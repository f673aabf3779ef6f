"""The numbers of audit.json: comparisons and findings laid out in the document's parts; no sentence is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchops.audit.columns import ColumnPart, Components, Histogram, ShareChange, ValueCount
from batchops.audit.compare import ColumnComparison, Comparison, Scope
from batchops.audit.document import BudgetPart
from batchops.audit.figures import TONIGHT, shown_values
from batchops.audit.sections import ClassScorePart, ContractPart, RulePart, ScorePart
from batchops.audit.series import moments
from batchops.audit.state import SCORE, Audit
from batchops.contract import Contract
from batchops.contract.locating import place_of
from batchops.sketch import K_ANONYMOUS
from batchops.stats import NOT_MEASURED, Cells, Column, histogram
from batchops.verdict import FALSE_FAILS, FALSE_WARNINGS, Finding, Severity, Verdict, worst

__all__ = ["budget_part", "column_parts", "contract_part", "score_part"]

Findings = Mapping[str, Finding]


def _severity(findings: Sequence[Finding | None]) -> Severity:
    """The worst of a subject's findings; UNSURE and NOT RUN only where nothing else is known."""
    known = [finding.severity for finding in findings if finding is not None]
    return worst([each for each in known if each is not Severity.NOT_RUN] or known)


def budget_part(verdict: Verdict) -> BudgetPart:
    """How many figures shared the night's error budget, and how large it is."""
    return BudgetPart(verdict.shared, FALSE_WARNINGS, FALSE_FAILS)


def contract_part(contract: Contract, audit: Audit, reference: Audit, findings: Findings) -> ContractPart:
    """Every rule and what became of it, worst first."""
    rules = []
    for rule in contract.rules:
        tally, finding = audit.tallies.of(rule.id), findings.get(f"contract.rule:{rule.id}")
        rules.append(
            RulePart(
                id=rule.id,
                columns=rule.columns,
                words=rule.words,
                level=rule.level,
                action=rule.action,
                scope=rule.scope,
                evaluated=tally.evaluated,
                failed=tally.failed,
                unknown=tally.unknown,
                share=tally.share,
                limit=rule.limit.shown if finding is None else finding.limit,
                reference_share=reference.tallies.of(rule.id).share,
                severity=_severity([finding]),
                values=tuple(ValueCount(*pair) for pair in shown_values(rule, contract, audit)),
                unit=rule.unit,
                place=place_of(contract, rule.id),
            )
        )
    rules.sort(key=lambda rule: (rule.severity.rank, -rule.failed))
    return ContractPart(contract.id, contract.digest, tuple(rules))


def column_parts(comparison: Comparison, findings: Findings, reliance: Mapping[str, float]) -> tuple[ColumnPart, ...]:
    """Every input column, worst first, then by how much the model relies on it."""
    parts = [
        _column_part(column, "drift", findings, reliance.get(column.cells.column)) for column in comparison.columns
    ]
    return tuple(sorted(parts, key=lambda part: (part.severity.rank, -(part.reliance or 0.0))))


def score_part(comparison: Comparison, findings: Findings) -> ScorePart:
    """The score as a column, and its means; of several classes the predicted ones, and the score of each."""
    sides = (comparison.metrics_reference, comparison.metrics, comparison.metrics_tonight)
    name = next((each for each in ("mean_score", "mean_prediction") if each in comparison.metrics), None)
    means = _means(comparison.score) if name is None else [side.get(name, NOT_MEASURED).value for side in sides]
    selection = [side.get("selection_rate", NOT_MEASURED).value for side in sides]
    predicted, *scores = comparison.classes or (None,)
    return ScorePart(
        column=_column_part(comparison.score, "score", findings, None),
        mean_reference=means[0],
        mean_window=means[1],
        mean_tonight=means[2],
        selection_reference=selection[0],
        selection_window=selection[1],
        prediction=None if predicted is None else _column_part(predicted, "score", findings, None),
        classes=tuple(_class_part(each, predicted, findings) for each in scores if predicted is not None),
    )


def _class_part(column: ColumnComparison, predicted: ColumnComparison, findings: Findings) -> ClassScorePart:
    label = column.cells.column.removeprefix(f"{SCORE}_")
    shares = [_share(each, label, predicted.cells) for each in _sides(predicted)]
    return ClassScorePart(label, _column_part(column, "score", findings, None), *_means(column), *shares)


def _sides(column: ColumnComparison) -> tuple[Column, Column, Column]:
    return column.reference, column.window.column, column.tonight.column


def _means(column: ColumnComparison) -> list[float | None]:
    """Mean in the reference, over the window, tonight."""
    return [moments(each, column.cells)[0] for each in _sides(column)]


def _share(column: Column, value: str, cells: Cells) -> float | None:
    """Of the values that are one."""
    if not column.valid:
        return None
    counts = column.table.dense(cells.size)
    return float(counts[cells.values.index(value)] / column.valid) if value in cells.values else 0.0


def _column_part(column: ColumnComparison, family: str, findings: Findings, reliance: float | None) -> ColumnPart:
    cells, name, over = column.cells, column.cells.column, column.window
    own = [
        findings.get(f"{family}.{component.check}:{name}{scope}")
        for component in over.components
        for scope in ("", TONIGHT)
    ]
    distance = findings.get(f"{family}.distance:{name}")
    drawn = histogram(over.column, column.reference, cells)
    timeless = cells.kind != "temporal"
    before, now = _reference_components(column), _components(over)
    return ColumnPart(
        column=name,
        kind=cells.kind,
        unit=cells.unit or None,
        severity=_severity(own),
        measure=over.drift.measure,
        reference=before,
        window=now,
        tonight=_components(column.tonight),
        usual=over.usual.value,
        limit=distance.limit if distance is not None else None,
        measures=over.drift.measures,
        reliance=reliance,
        reference_low=cells.low if timeless else None,
        reference_high=cells.high if timeless else None,
        unseen=tuple(ValueCount(*pair) for pair in over.column.unseen_values.commonest(K_ANONYMOUS)),
        histogram=None
        if drawn is None
        else Histogram(
            drawn.kind, drawn.low, drawn.high, drawn.labels, _rounded(drawn.reference), _rounded(drawn.current)
        ),
        null_share=ShareChange(before.null_share, now.null_share),
        unseen_share=now.unseen_share,
        outside_share=now.outside_share,
        grown_share=now.grown_share,
        noise=over.drift.noise,
        p_value=distance.p_value if distance is not None else None,
        q_value=distance.q_value if distance is not None else None,
    )


def _rounded(shares: Sequence[float]) -> tuple[float, ...]:
    """Shares as a picture needs them: a hundred-thousandth is far below what a pixel shows."""
    return tuple(round(share, 5) for share in shares)


def _components(over: Scope) -> Components:
    distance, null, unseen, outside, grown = (component.now.value for component in over.components)
    return Components(over.drift.rows, distance, null, unseen, outside, grown, over.column.mean_length)


def _reference_components(column: ColumnComparison) -> Components:
    whole: Column = column.reference
    rows = whole.present
    _, _, unseen, outside, grown = column.window.components
    return Components(
        rows,
        0.0 if column.window.drift.distance.value is not None else None,
        whole.missing / rows if rows else None,
        0.0 if unseen.now.value is not None else None,
        0.0 if outside.now.value is not None else None,
        None if grown.now.value is None or grown.change.value is None else grown.now.value - grown.change.value,
        whole.mean_length,
    )
