"""One sentence maker a check: what is wrong, in how many numbers, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from batchops.report.formats import amount, bound, clean, date, number, percent, plural
from batchops.report.words.arrivals import ARRIVALS
from batchops.report.words.estimates import ESTIMATES
from batchops.report.words.facts import Facts
from batchops.report.words.nights import NIGHTS
from batchops.report.words.qualities import QUALITIES
from batchops.report.words.saying import (
    Saying,
    against_limit,
    figure_of,
    limit_words,
    relabel,
    scope_words,
    subject_words,
    text_of,
    train,
    trained,
)
from batchops.report.words.skew import SKEWS
from batchops.report.words.slices import SLICES
from batchops.report.words.tasks import outputs, score_words
from batchops.report.words.together import TOGETHER
from batchops.verdict import Finding

__all__ = ["say"]


def _distance(finding: Finding, facts: Facts) -> Saying:
    column, scope = subject_words(finding), scope_words(finding, facts)
    return Saying(
        title=f"{column} is distributed otherwise than in {facts.was}{scope}",
        short=f"distance of {column} from {facts.was}",
        headline=f"{column} differs from {facts.was} by {against_limit(finding)}",
        remedy=f"See whether {column} has changed for good; if so, {trained(facts, 'newer')}",
        command=train(facts),
    )


def _null_share(finding: Finding, facts: Facts) -> Saying:
    column, scope = subject_words(finding), scope_words(finding, facts)
    reference, now = figure_of(finding, "reference"), figure_of(finding, "now")
    often = "less" if (finding.value or 0.0) < 0 else "more"
    shares = f"{percent(now)} missing, {percent(reference)} in {facts.was}"
    known = now is not None and reference is not None
    return Saying(
        title=f"{column} is missing {often} often than in {facts.was}{scope}" + (f": {shares}" if known else ""),
        short=f"missing of {column} against {facts.was}" if known else f"of {column} missing",
        headline=f"{column} is missing {often} often: " + (shares if known else against_limit(finding)),
        remedy=f"Ask the owner of {column} whether its source is complete",
    )


def _unseen(finding: Finding, facts: Facts) -> Saying:
    column, scope = subject_words(finding), scope_words(finding, facts)
    values = text_of(finding, "values")
    return Saying(
        title=f"{column} has values that {facts.was} never saw{scope}" + (f": {values}" if values else ""),
        short=f"of {column} never seen in {facts.was}",
        headline=f"{column} holds values that {facts.was} never saw: {against_limit(finding)}",
        remedy=f"{trained(facts, 'such').capitalize()}",
        command=train(facts),
    )


def _grown(finding: Finding, facts: Facts) -> Saying:
    column, scope = subject_words(finding), scope_words(finding, facts)
    return Saying(
        title=f"A rare value of {column} has become common{scope}",
        short=f"more of {column} is values too rare to be listed of {facts.was}",
        headline=f"A value of {column} that was rare in {facts.was} has become common: {against_limit(finding)}",
        remedy=f"Count the values of {column}, and {trained(facts, 'such')}",
        command=train(facts),
    )


def _range(finding: Finding) -> str:
    low, high, unit = (
        figure_of(finding, "reference_low"),
        figure_of(finding, "reference_high"),
        text_of(finding, "unit"),
    )
    if low is None or high is None:
        return ""
    return f" ({bound(low)} to {bound(high)}{f' {unit}' if unit else ''})"


def _outside(finding: Finding, facts: Facts) -> Saying:
    column, scope = subject_words(finding), scope_words(finding, facts)
    now = figure_of(finding, "now")
    now = finding.value if now is None else now
    return Saying(
        title=f"{column} lies outside the range of {facts.was}{_range(finding)}{scope}",
        short=f"of {column} outside the range of {facts.was}",
        headline=f"{percent(now)} of {column} lies outside the range of {facts.was}, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy=f"The model has learnt nothing about such {column}; {trained(facts, 'such')}",
        command=train(facts),
    )


def _score_distance(finding: Finding, facts: Facts) -> Saying:
    scores, changed = score_words(subject_words(finding), facts.task)
    return Saying(
        title=f"{changed} than in {facts.was}{scope_words(finding, facts)}",
        short=f"distance of {scores} from {facts.was}",
        headline=f"{changed} than in {facts.was}: they differ by {against_limit(finding)}",
        remedy=f"See which inputs moved; when labels come, see whether the {outputs(facts.task)} are still right",
        command=relabel(facts),
    )


def _score_null(finding: Finding, facts: Facts) -> Saying:
    score = outputs(facts.task).removesuffix("s")
    return Saying(
        title=f"Rows have no {score}",
        short=f"of rows without a {score}",
        headline=f"{amount(finding.value, finding.unit)} of {plural(facts.rows, 'row')} have no {score}",
        remedy="The model gave no finite number; look at its version",
        command=f"batchops model show {facts.model}" if facts.model else None,
    )


def _gap(finding: Finding, facts: Facts) -> Saying:
    low = (finding.value or 0.0) > 0
    predicted, observed = figure_of(finding, "predicted"), figure_of(finding, "observed")
    overall = finding.check.startswith("quality")
    where = "" if overall else f" for {subject_words(finding)}"
    words = f"Scores are too {'low' if low else 'high'}{where}"
    known = predicted is not None and observed is not None
    return Saying(
        title=words,
        short="observed minus predicted",
        headline=f"{words}: "
        + (f"{percent(predicted)} predicted, {percent(observed)} observed" if known else against_limit(finding)),
        remedy=f"{trained(facts, 'newer').capitalize()}; until then use the scores as ranks only"
        if overall
        else "See whether the gap remains in a newer model; if so, add features that tell it apart",
        command=train(facts) if overall else None,
    )


def _roc_auc(finding: Finding, facts: Facts) -> Saying:
    now, reference = figure_of(finding, "now"), figure_of(finding, "reference")
    now = facts.metrics.get("roc_auc") if now is None else now
    reference = facts.metrics_reference.get("roc_auc") if reference is None else reference
    known = now is not None and reference is not None
    return Saying(
        title=f"The model ranks worse than in {facts.was}",
        short=f"fall of ROC AUC against {facts.was}",
        headline=f"The model ranks worse than in {facts.was}: "
        + (f"ROC AUC {number(now)}, {number(reference)} in {facts.was}" if known else against_limit(finding)),
        remedy=f"See which inputs moved, and {trained(facts, 'newer')}",
        command=train(facts),
    )


def _coverage(finding: Finding, facts: Facts) -> Saying:
    return Saying(
        title="Outcomes are missing for scored rows",
        short="of scored rows have an outcome",
        headline=f"{percent(finding.value)} of the scored rows have an outcome, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy="Read the labels again when they are complete",
        command=relabel(facts),
    )


def _labels(what: str, remedy: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        found = percent(finding.value) if finding.unit == "share" else plural(finding.value or 0, "label")
        return Saying(
            title=f"{found} {what}",
            short=what,
            headline=f"{found} {what}, limit {limit_words(finding.check, finding.limit, finding.unit)}",
            remedy=remedy,
            command=relabel(facts),
        )

    return saying


def _other(finding: Finding, facts: Facts) -> Saying:
    """For checks that came after this was written."""
    measure = clean(finding.check.partition(".")[2] or finding.check).replace("_", " ")
    where = f" of {subject_words(finding)}" if finding.subject else ""
    return Saying(
        title=f"{measure.capitalize()}{where}{scope_words(finding, facts)}",
        short=f"{measure}{where}",
        headline=f"{measure.capitalize()}{where} is {against_limit(finding)}",
        remedy="See the evidence below",
    )


SAYINGS: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
    {
        **ARRIVALS,
        **SKEWS,
        **SLICES,
        **NIGHTS,
        **ESTIMATES,
        **QUALITIES,
        **TOGETHER,
        "drift.distance": _distance,
        "drift.null_share": _null_share,
        "drift.unseen_share": _unseen,
        "drift.outside_share": _outside,
        "drift.grown_share": _grown,
        "score.distance": _score_distance,
        "score.null_share": _score_null,
        "quality.calibration_gap": _gap,
        "quality.roc_auc": _roc_auc,
        "quality.coverage": _coverage,
        "labels.conflicting": _labels("contradict each other", "Correct the labels' source, then read them again"),
        "labels.unmatched": _labels("belong to no scored row", "See whether keys changed between scoring and labels"),
        "slices.calibration_gap": _gap,
    }
)


def say(finding: Finding, facts: Facts) -> Saying:
    """Everything that can be said of a finding."""
    saying = SAYINGS.get(finding.check, _other)(finding, facts)
    if not finding.evidence.get("seasonal"):
        return saying
    then = f"the same days of an earlier year, {date(text_of(finding, 'season_first'))} to "
    words = f"{saying.title}; so were {then}{date(text_of(finding, 'season_last'))}"
    return replace(
        saying, title=words, remedy="Wait: it passes with the season, as far as that year can say", command=None
    )
