"""One sentence maker a check: what is wrong, in how many numbers, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from batchops.report.formats import SPACE, amount, bound, clean, count, number, percent, plural, points
from batchops.report.topics import BOTH, LOWER, is_tonight, subject_of
from batchops.report.words.facts import Facts
from batchops.verdict import Finding

__all__ = ["Saying", "limit_words", "say", "scope_words", "size_words", "unit_of"]


@dataclass(frozen=True, slots=True)
class Saying:
    """What can be said of a finding.

    Attributes:
        title: What and where.
        short: What the figure is, to follow the figure itself: "of rows break a rule".
        headline: A sentence with two numbers.
        remedy: What to do next.
        command: What to type, where there is something.
    """

    title: str
    short: str
    headline: str
    remedy: str
    command: str | None = None


def _text(finding: Finding, key: str) -> str:
    value = finding.evidence.get(key)
    return "" if value is None else clean(str(value)).replace("`", "'")[:160]


def _figure(finding: Finding, key: str) -> float | None:
    value = finding.evidence.get(key)
    return float(value) if isinstance(value, int | float) else None


def _subject(finding: Finding) -> str:
    return clean(subject_of(finding.subject)).replace("`", "'")[:160]


def _rerun(facts: Facts) -> str:
    return f"batchops run {facts.job} --date {facts.night}"


def _train(facts: Facts) -> str:
    return f"batchops train {facts.job}"


def unit_of(finding: Finding) -> str:
    """The unit to say a figure in: a share that is a difference to the reference's is said in points."""
    is_change = finding.check.endswith(".null_share") and finding.evidence.get("reference") is not None
    return "points" if is_change and finding.unit == "share" else finding.unit


def scope_words(finding: Finding, facts: Facts) -> str:
    """On which nights the figure was measured: ``tonight`` or ``over 31 nights``."""
    if is_tonight(finding.subject) or finding.evidence.get("scope") == "tonight" or facts.nights <= 1:
        return "tonight"
    return f"over {facts.nights} nights"


def _edge(value: float, unit: str) -> str:
    """A round figure as people write it: ``50 %``, ``5 points``."""
    if unit in ("points", "share"):
        return f"{number(value * 100)}{' points' if unit == 'points' else SPACE + '%'}"
    return amount(value, unit, sign=False)


def limit_words(check: str, limit: float | None, unit: str) -> str:
    """The limit as it is meant: ``±5 points``, ``at least 90 %``, ``50 %``."""
    if limit is None:
        return "none"
    words = _edge(limit, unit)
    return f"±{words}" if check in BOTH else f"at least {words}" if check in LOWER else words


def _bound(value: float, unit: str) -> str:
    """An end of an interval, without its unit where the figure before it has said that."""
    return points(value) if unit == "points" else amount(value, unit).removesuffix(" %").rstrip("\u00a0%").rstrip()


def size_words(finding: Finding) -> str:
    """How bad: the figure, its interval, what is usual, its limit, and the run before."""
    value, unit = finding.value, unit_of(finding)
    if value is None:
        return f"Could not be measured; limit {limit_words(finding.check, finding.limit, unit)}."
    low, high = finding.lower, finding.upper
    notes = []
    if low is not None and high is not None and (low, high) != (value, value):
        notes.append(f"95\u00a0% interval {_bound(low, unit)} to {_bound(high, unit)}")
    if finding.usual is not None:
        notes.append(f"usual up to {_edge(finding.usual, unit)}")
    parts = [amount(value, unit) + (f" ({'; '.join(notes)})" if notes else "")]
    if finding.limit is not None:
        allowed = limit_words(finding.check, finding.limit, unit)
        parts.append("none allowed" if finding.limit == 0 and finding.check not in BOTH else f"limit {allowed}")
    if finding.previous is not None:
        parts.append(f"last run {amount(finding.previous, unit)}")
    return "; ".join(parts) + "."


def _against_limit(finding: Finding) -> str:
    unit = unit_of(finding)
    return f"{amount(finding.value, unit)}, limit {limit_words(finding.check, finding.limit, unit)}"


def _unreadable(finding: Finding, facts: Facts) -> Saying:
    name, why = _subject(finding), _text(finding, "why")
    return Saying(
        title=f"{name} cannot be read{f': {why}' if why else ''}",
        short="file cannot be read",
        headline=f"{name} cannot be read: {amount(finding.value, finding.unit)} lost, "
        f"{plural(facts.rows, 'row')} of the others read",
        remedy="Have the file delivered again, then run the night again",
        command=_rerun(facts),
    )


def _schema(what: str, remedy: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        column = _subject(finding)
        found, expected = _text(finding, "found"), _text(finding, "expected")
        types = f" ({found} instead of {expected})" if found and expected else ""
        in_rows = f": {_against_limit(finding)}"
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
    words = _text(finding, "words") or _subject(finding)
    failed, evaluated = _figure(finding, "failed"), _figure(finding, "evaluated")
    rows = plural(failed, "row") if failed is not None else amount(finding.value, finding.unit)
    of = f" of {count(evaluated)}" if evaluated is not None else ""
    values = _text(finding, "values")
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
    least, most = _figure(finding, "least"), _figure(finding, "most")
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
    usual, weekday = _figure(finding, "usual"), _text(finding, "weekday")
    words = f"{'Fewer' if (finding.value or 0.0) < 0 else 'More'} rows than on a usual {weekday or 'such day'}"
    return Saying(
        title=words,
        short=f"rows against a usual {weekday or 'such day'}",
        headline=f"{words}: {count(facts.rows)} tonight" + (f", {count(usual)} usually" if usual is not None else ""),
        remedy="Ask the data's owner whether the delivery is whole",
    )


def _distance(finding: Finding, facts: Facts) -> Saying:
    column, scope = _subject(finding), scope_words(finding, facts)
    return Saying(
        title=f"{column} is distributed otherwise than in training, {scope}",
        short=f"distance of {column} from training",
        headline=f"{column} differs from training by {_against_limit(finding)}",
        remedy=f"See whether {column} has changed for good; if so, let the job train on newer nights",
        command=_train(facts),
    )


def _null_share(finding: Finding, facts: Facts) -> Saying:
    column, scope = _subject(finding), scope_words(finding, facts)
    reference, now = _figure(finding, "reference"), _figure(finding, "now")
    often = "less" if (finding.value or 0.0) < 0 else "more"
    shares = f"{percent(now)} missing, {percent(reference)} in training"
    known = now is not None and reference is not None
    return Saying(
        title=f"{column} is missing {often} often than in training, {scope}" + (f": {shares}" if known else ""),
        short=f"missing of {column} against training" if known else f"of {column} missing",
        headline=f"{column} is missing {often} often: " + (shares if known else _against_limit(finding)),
        remedy=f"Ask the owner of {column} whether its source is complete",
    )


def _unseen(finding: Finding, facts: Facts) -> Saying:
    column, scope = _subject(finding), scope_words(finding, facts)
    values = _text(finding, "values")
    return Saying(
        title=f"{column} has values that training never saw, {scope}" + (f": {values}" if values else ""),
        short=f"of {column} never seen in training",
        headline=f"{column} holds values that training never saw: {_against_limit(finding)}",
        remedy="Let the job train on nights that hold them",
        command=_train(facts),
    )


def _range(finding: Finding) -> str:
    low, high, unit = _figure(finding, "reference_low"), _figure(finding, "reference_high"), _text(finding, "unit")
    if low is None or high is None:
        return ""
    return f" ({bound(low)} to {bound(high)}{f' {unit}' if unit else ''})"


def _outside(finding: Finding, facts: Facts) -> Saying:
    column, scope = _subject(finding), scope_words(finding, facts)
    now = _figure(finding, "now")
    now = finding.value if now is None else now
    return Saying(
        title=f"{column} lies outside the range of training{_range(finding)}, {scope}",
        short=f"of {column} outside the range of training",
        headline=f"{percent(now)} of {column} lies outside the range of training, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy=f"The model has learnt nothing about such {column}; let the job train on nights that hold them",
        command=_train(facts),
    )


def _score_distance(finding: Finding, facts: Facts) -> Saying:
    return Saying(
        title=f"Scores are distributed otherwise than in training, {scope_words(finding, facts)}",
        short="distance of the scores from training",
        headline=f"The scores differ from training by {_against_limit(finding)}",
        remedy="See which inputs moved; when labels come, see whether the scores are still right",
        command=f"batchops labels {facts.job} --date {facts.night}",
    )


def _score_null(finding: Finding, facts: Facts) -> Saying:
    return Saying(
        title="Rows have no score",
        short="of rows without a score",
        headline=f"{amount(finding.value, finding.unit)} of {plural(facts.rows, 'row')} have no score",
        remedy="The model gave no finite number; look at its version",
        command=f"batchops model show {facts.model}" if facts.model else None,
    )


def _gap(finding: Finding, facts: Facts) -> Saying:
    low = (finding.value or 0.0) > 0
    predicted, observed = _figure(finding, "predicted"), _figure(finding, "observed")
    overall = finding.check.startswith("quality")
    where = "" if overall else f" for {_subject(finding)}"
    words = f"Scores are too {'low' if low else 'high'}{where}"
    known = predicted is not None and observed is not None
    return Saying(
        title=words,
        short="observed minus predicted",
        headline=f"{words}: "
        + (f"{percent(predicted)} predicted, {percent(observed)} observed" if known else _against_limit(finding)),
        remedy="Let the job train on newer nights; until then use its scores as ranks only"
        if overall
        else "See whether the gap remains after training on newer nights; if so, add features that tell it apart",
        command=_train(facts) if overall else None,
    )


def _roc_auc(finding: Finding, facts: Facts) -> Saying:
    now, reference = _figure(finding, "now"), _figure(finding, "reference")
    now = facts.roc_auc if now is None else now
    reference = facts.roc_auc_reference if reference is None else reference
    known = now is not None and reference is not None
    return Saying(
        title="The model ranks worse than in training",
        short="fall of ROC AUC against training",
        headline="The model ranks worse than in training: "
        + (f"ROC AUC {number(now)}, {number(reference)} in training" if known else _against_limit(finding)),
        remedy="See which inputs moved, and let the job train on newer nights",
        command=_train(facts),
    )


def _coverage(finding: Finding, facts: Facts) -> Saying:
    return Saying(
        title="Outcomes are missing for scored rows",
        short="of scored rows have an outcome",
        headline=f"{percent(finding.value)} of the scored rows have an outcome, "
        f"limit {limit_words(finding.check, finding.limit, finding.unit)}",
        remedy="Read the labels again when they are complete",
        command=f"batchops labels {facts.job} --date {facts.night}",
    )


def _labels(what: str, remedy: str) -> Callable[[Finding, Facts], Saying]:
    def saying(finding: Finding, facts: Facts) -> Saying:
        found = percent(finding.value) if finding.unit == "share" else plural(finding.value or 0, "label")
        return Saying(
            title=f"{found} {what}",
            short=what,
            headline=f"{found} {what}, limit {limit_words(finding.check, finding.limit, finding.unit)}",
            remedy=remedy,
            command=f"batchops labels {facts.job} --date {facts.night}",
        )

    return saying


def _other(finding: Finding, facts: Facts) -> Saying:
    """For checks that came after this was written."""
    measure = clean(finding.check.partition(".")[2] or finding.check).replace("_", " ")
    where = f" of {_subject(finding)}" if finding.subject else ""
    return Saying(
        title=f"{measure.capitalize()}{where}, {scope_words(finding, facts)}",
        short=f"{measure}{where}",
        headline=f"{measure.capitalize()}{where} is {_against_limit(finding)}",
        remedy="See the evidence below",
    )


SAYINGS: Mapping[str, Callable[[Finding, Facts], Saying]] = MappingProxyType(
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
        "drift.distance": _distance,
        "drift.null_share": _null_share,
        "drift.unseen_share": _unseen,
        "drift.outside_share": _outside,
        "score.distance": _score_distance,
        "score.null_share": _score_null,
        "quality.calibration_gap": _gap,
        "quality.roc_auc": _roc_auc,
        "quality.coverage": _coverage,
        "labels.conflicting": _labels("contradict each other", "Correct the labels' source, then read them again"),
        "labels.invalid": _labels("are neither 0 nor 1", "Correct the labels' source, then read them again"),
        "labels.unmatched": _labels("belong to no scored row", "See whether keys changed between scoring and labels"),
        "slices.calibration_gap": _gap,
    }
)


def say(finding: Finding, facts: Facts) -> Saying:
    """Everything that can be said of a finding."""
    return SAYINGS.get(finding.check, _other)(finding, facts)
