"""What happened over nights: this week against the weeks before, slow and sudden change; one sentence maker a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from batchops.report.formats import amount, date, number, percent, plural
from batchops.report.words.facts import Facts
from batchops.report.words.saying import Saying, against_limit, figure_of, rerun, subject_words, text_of, train
from batchops.report.words.tasks import outputs, score_words
from batchops.verdict import Finding

__all__ = ["NIGHTS"]


def _beside(finding: Finding) -> str:
    """The nights that tonight was compared with: ``the last 8 nights of its weekday``."""
    nights = figure_of(finding, "nights") or 0
    weekday = text_of(finding, "season") == "weekday"
    return f"the last {plural(nights, 'healthy night')}" + (" of its weekday" if weekday else "")


def _distance(finding: Finding, _: Facts) -> Saying:
    column = subject_words(finding)
    return Saying(
        title=f"{column} is distributed otherwise than in {_beside(finding)}",
        short=f"distance of {column} from recent nights",
        headline=f"{column} differs from {_beside(finding)} by {against_limit(finding)}",
        remedy=f"Ask the owner of {column} what changed; no such night was seen lately",
    )


def _null_share(finding: Finding, _: Facts) -> Saying:
    column, now = subject_words(finding), figure_of(finding, "now")
    often, was = "less" if (finding.value or 0.0) < 0 else "more", None
    if now is not None and finding.value is not None:
        was = now - finding.value
    shares = (
        f"{percent(now)} tonight, {percent(was)} in {_beside(finding)}" if now is not None else against_limit(finding)
    )
    return Saying(
        title=f"{column} is missing {often} often than this month: {shares}",
        short=f"missing of {column} against recent nights",
        headline=f"{column} is missing {often} often: {shares}",
        remedy=f"Ask the owner of {column} whether tonight's delivery is complete",
    )


def _unseen(finding: Finding, _: Facts) -> Saying:
    column = subject_words(finding)
    return Saying(
        title=f"{column} has values that none of {_beside(finding)} had",
        short=f"of {column} new tonight",
        headline=f"{column} holds values that recent nights never had: {against_limit(finding)}",
        remedy=f"Ask the owner of {column} whether the new values are meant",
    )


def _score(finding: Finding, facts: Facts) -> Saying:
    scores, changed = score_words(text_of(finding, "column"), facts.task)
    return Saying(
        title=f"{changed} than in {_beside(finding)}",
        short=f"distance of {scores} from recent nights",
        headline=f"{changed} than in {_beside(finding)}: they differ by {against_limit(finding)}",
        remedy=f"See which inputs changed tonight; when labels come, see whether the {outputs(facts.task)} were right",
        command=f"batchops labels {facts.job} --date {facts.night}",
    )


MEASURED = {
    "rows": "rows",
    "quarantined_share": "share of rows set aside",
    "length": "mean length of {}, in characters,",
    "score_null_share": "share of rows without a score",
    "selection_rate": "share of scores at the threshold or above",
    "score_mean": "mean score",
    "score_deviation": "spread of the scores",
    "score_p05": "score that 5 % of the rows lie below",
    "score_p50": "median score",
    "score_p95": "score that 5 % of the rows lie above",
    "files": "files",
    "seconds": "seconds of the run",
    "stage_seconds": "seconds of the stage {}",
    "cpu_seconds": "seconds of all cores",
    "peak_memory": "memory",
}
"""What each series is, of what it is."""


def _series(told: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        what = told.replace("score", "prediction") if facts.task == "regression" else told
        what = what.format(subject_words(finding))
        now, expected = figure_of(finding, "now"), figure_of(finding, "expected")
        more = "above" if (finding.value or 0.0) > 0 else "below"
        figures = [
            percent(each) if text_of(finding, "now_unit") == "share" else number(each) for each in (now, expected)
        ]
        nights = plural(figure_of(finding, "nights") or 0, "healthy night")
        return Saying(
            title=f"The {what} lies {more} what the last {nights} let expect",
            short=f"{what} against recent nights",
            headline=f"The {what} is {figures[0]}, and {figures[1]} was to be expected"
            if now is not None
            else f"The {what} differs from recent nights by {against_limit(finding)}",
            remedy="See whether the delivery is whole, and what else changed tonight",
            command=rerun(facts) if what == "rows" else None,
        )

    return saying


def _metric(finding: Finding) -> str:
    return subject_words(finding).removesuffix(" (newest night)").replace("_", " ")


def _shift(finding: Finding, facts: Facts) -> Saying:
    metric, nights = _metric(finding), figure_of(finding, "nights") or 0
    slow = "" if figure_of(finding, "covered") else "; training had no nights of this season"
    own = (text_of(finding, "metric") or "log_loss").replace("_", " ")
    what = metric if "reference" in finding.evidence else f"{own} of {metric}"
    of = " of its root mean squared error" if what.startswith("mean error") else ""
    return Saying(
        title=f"The {what} has changed against training, over {plural(nights, 'night')} with outcomes{slow}",
        short=f"change of the {what} against training",
        headline=f"The {what} differs from training by {against_limit(finding, of)}",
        remedy="See whether other rows came or the same rows fare otherwise; if the latter, train on newer nights",
        command=train(facts),
    )


def _chart(how: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        metric, began = _metric(finding), text_of(finding, "began")
        since = f", since {date(began)}" if began else ""
        return Saying(
            title=f"The {metric} drifts from night to night{since}",
            short=f"{how} of the {metric}",
            headline=f"The {metric} drifts from night to night{since}: {how} {amount(finding.value, finding.unit)}, "
            f"limit {number(finding.limit)}",
            remedy="See what began then; if it stays, train on newer nights",
            command=train(facts),
        )

    return saying


NIGHTS: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        "recent.distance": _distance,
        "recent.null_share": _null_share,
        "recent.unseen_share": _unseen,
        "score.recent": _score,
        "concept.shift": _shift,
        "concept.ewma": _chart("moving average"),
        "concept.cusum": _chart("cumulative sum"),
        **{f"series.{name}": _series(what) for name, what in MEASURED.items()},
    }
)
