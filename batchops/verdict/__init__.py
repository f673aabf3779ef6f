"""Pure policy: figures and limits in, findings and a verdict out; no statistic is computed and no sentence written."""

from batchops.verdict.findings import Figure, Finding, Past, Scalar, Severity, Verdict, worst
from batchops.verdict.judging import FALSE_FAILS, FALSE_WARNINGS, judge, severity_of
from batchops.verdict.limits import DEFAULT_LIMITS, NOTHING, PRIMARY, Limit, Policy, Side, Task

__all__ = [
    "DEFAULT_LIMITS",
    "FALSE_FAILS",
    "FALSE_WARNINGS",
    "NOTHING",
    "PRIMARY",
    "Figure",
    "Finding",
    "Limit",
    "Past",
    "Policy",
    "Scalar",
    "Severity",
    "Side",
    "Task",
    "Verdict",
    "judge",
    "severity_of",
    "worst",
]
