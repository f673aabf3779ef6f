"""May I use tonight's scores? The headline, the lead under it, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from batchops.audit.document import Action, FindingPart, VerdictPart
from batchops.report.formats import amount, clean, date, plural
from batchops.report.topics import FAMILIES, family_of, groups, urgency
from batchops.report.words.checks import say
from batchops.report.words.facts import Facts
from batchops.report.words.findings import topic_title
from batchops.report.words.saying import limit_words, size_words, unit_of
from batchops.report.words.tasks import family_title, outputs, still
from batchops.report.words.tiles import family, nearest, not_run
from batchops.verdict import Finding, Severity, Verdict

__all__ = ["verdict_part"]

ALARMS = (Severity.FAIL, Severity.WARN)
MOST_ACTIONS = 3

WRONG = (
    ("quality.roc_auc", "quality", "Do not use these scores: neither their order nor their level is what it was."),
    ("quality.accuracy", "quality", "Do not use these decisions: they are wrong more often than they were."),
    (
        "quality.root_mean_squared_error",
        "quality",
        "Do not use these predictions: they are further from what came true than they were.",
    ),
    (
        "quality.mean_error",
        "quality",
        "Do not use these predictions as amounts: all of them are too high or too low; rankings may be used.",
    ),
    (
        "quality.calibration_gap",
        "quality",
        "Do not use these scores as probabilities; rankings and top-N lists may be used.",
    ),
    (
        "quality.log_loss",
        "quality",
        "Do not use these scores as probabilities: they are further from what came true than they were.",
    ),
    ("concept.", "quality", "Use the scores with care: where outcomes are known, they are worse than they were."),
    ("slices.calibration_gap", "slices", "Use the scores, but not as probabilities in the slices that fail."),
    ("slices.", "slices", "Use the scores, but not in the slices that fail."),
)
"""What a failing check means for the use of the scores, the worst first: (how it begins, where to look, words)."""


def verdict_part(verdict: Verdict, findings: Sequence[FindingPart], facts: Facts) -> VerdictPart:
    """The verdict in words.

    Args:
        findings: The night's alarms, as `finding_part` made them.
    """
    first = min(verdict.alarms, key=urgency, default=None)
    return VerdictPart(
        severity=verdict.severity,
        headline=_headline(first, verdict, facts),
        lead=" ".join(sentence for sentence in _lead(first, verdict, facts) if sentence),
        actions=_actions(first, verdict, findings, facts)[:MOST_ACTIONS],
        counts={
            severity.value: sum(finding.severity is severity for finding in verdict.findings) for severity in Severity
        },
        output=facts.output,
    )


def _headline(first: Finding | None, verdict: Verdict, facts: Facts) -> str:
    if first is not None:
        return say(first, facts).headline
    if not facts.rows:
        return "Nothing to score: 0 rows came, 0 were scored"
    near = nearest(verdict.findings)
    held = sum(finding.severity is Severity.PASS for finding in verdict.findings)
    if near is None and not held and not facts.job:
        return f"{plural(facts.rows, 'row')} read, nothing judged"
    if near is None:
        return f"{plural(facts.scored, 'row')} scored, {plural(held, 'check')} held"
    unit = unit_of(near)
    edge = f"limit {limit_words(near.check, near.limit, unit)}"
    if near.usual is not None and near.usual > (near.limit or 0.0):
        edge = f"usual up to {limit_words(near.check, near.usual, unit)}"
    return f"Every check holds; nearest its limit: {amount(near.value, unit)} {say(near, facts).short}, {edge}"


def _lead(first: Finding | None, verdict: Verdict, facts: Facts) -> list[str]:
    """Size, interval, limit; worst place; since when; what still works; what is not known yet."""
    sentences = []
    if first is not None:
        sentences.append(_size(first))
        sentences.append(_since(first, facts))
        sentences.append(_elsewhere(first, verdict))
    if not facts.rows:
        return [*sentences, "" if sentences else "The night's files hold no row, so there was nothing to judge."]
    sentences.append(_works(verdict, facts))
    quality = [finding for finding in verdict.findings if family_of(finding.check) == "quality"]
    if not any(finding.value is not None for finding in quality):
        unknown = f"Whether the {outputs(facts.task)} are right is not known"
        sentences.append(f"{unknown}: {_lower(not_run('quality', facts))}")
    return sentences


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _size(finding: Finding) -> str:
    if finding.lower == finding.upper and finding.usual is None and finding.previous is None:
        return ""
    subject = "The gap is" if finding.check.endswith("calibration_gap") else "The figure is"
    return f"{subject} {size_words(finding)}"


def _elsewhere(first: Finding, verdict: Verdict) -> str:
    """The worst slice beside an overall gap."""
    slices = sorted((f for f in verdict.alarms if family_of(f.check) == "slices" and f.id != first.id), key=urgency)
    if not slices or family_of(first.check) not in ("quality", "slices"):
        return ""
    worst = max((f for f in slices if f.severity is slices[0].severity), key=lambda f: abs(f.value or 0.0))
    word = "Worst slice" if family_of(first.check) == "quality" else "Next worst"
    return f"{word}: {clean(worst.subject)} ({amount(worst.value, worst.unit)})."


def _since(first: Finding, facts: Facts) -> str:
    if first.since is None or first.nights <= 1:
        return "New tonight." if facts.job else ""
    return f"Beyond its limit for {first.nights} nights in a row, since {date(first.since)}."


def _works(verdict: Verdict, facts: Facts) -> str:
    """What can still be relied on."""
    words = []
    check, sentence = still(facts)
    if sentence and any(f.check == check and f.severity is Severity.PASS for f in verdict.findings):
        words.append(sentence)
    held = [name for name in FAMILIES if family(name, verdict.findings, facts).severity is Severity.PASS]
    good = [family_title(name, facts.task) for name in held]
    if good and verdict.alarms:
        words.append(f"Within limits: {', '.join(title.lower() for title in good)}.")
    elif not verdict.alarms:
        judged = sum(f.severity is Severity.PASS for f in verdict.findings)
        words.append(f"{plural(judged, 'figure')} judged, none beyond its limit; {plural(facts.scored, 'row')} scored.")
    return " ".join(words)


def _use(first: Finding | None, verdict: Verdict, facts: Facts) -> Action:
    """What to do with the scores."""
    scores = outputs(facts.task)
    if facts.output == "withheld":
        words = f"Do not look for tonight's {scores}: they are withheld; earlier nights stand as they were."
        return Action(words, None, "findings")
    if not facts.scored:
        return Action(f"There are no {scores} to use tonight." if facts.job else "There is no row to use.")
    if first is None:
        return _use_all(verdict, facts)
    failing = {finding.check for finding in verdict.alarms if finding.severity is Severity.FAIL}
    for begin, place, words in WRONG:
        if any(check.startswith(begin) for check in failing):
            return Action(words.replace("the scores", f"the {scores}"), None, place)
    if not facts.job and not facts.labelled:
        words = "Use the data with care: something fails." if failing else "The data may be used; what warns is below."
        return Action(words, None, "findings")
    if not facts.labelled:
        words = f"Use the {scores} with care: whether they are right is not known before the labels come."
        return Action(words, None, "findings")
    if not failing:
        return Action(f"The {scores} may be used; nothing failed, and what warns is below.", None, "findings")
    return Action(f"The {scores} may be used: where outcomes are known they are right, though something else failed.")


def _use_all(verdict: Verdict, facts: Facts) -> Action:
    rows = plural(facts.scored, "row")
    if facts.job:
        return Action(f"Use the {outputs(facts.task)}: {rows} published.")
    if verdict.severity is Severity.NOT_RUN:
        return Action(f"Name a reference, labels or a contract: of {rows} nothing could be judged.")
    return Action(f"Use the data: {rows}, nothing stands out.")


def _actions(
    first: Finding | None, verdict: Verdict, findings: Sequence[FindingPart], facts: Facts
) -> tuple[Action, ...]:
    """The use of the output, then the remedies of the most urgent topics, one a cause."""
    judged = {finding.id: finding for finding in verdict.findings}
    actions, told = [_use(first, verdict, facts)], set[str]()
    for topic in groups(findings):
        if topic.lead.id not in judged:
            continue
        saying = say(judged[topic.lead.id], facts)
        causes = {f"of {_cause(topic.lead.check)}", *([saying.command] if saying.command else [])}
        if told & causes:
            continue
        told |= causes
        is_headline = first is not None and topic.lead.id == first.id
        text = f"{saying.remedy}." if is_headline else f"{topic_title(topic)}. {saying.remedy}."
        actions.append(Action(text, saying.command, topic.lead.anchor))
    if not verdict.alarms and facts.rows and facts.labels_expected is not None and not facts.labelled:
        command = f"batchops labels {facts.job} --date {facts.night}"
        actions.append(Action(f"On {date(facts.labels_expected)}, read the labels.", command, "quality"))
    return tuple(actions)


def _cause(check: str) -> str:
    """What has one remedy: a wrong slice seldom has another than wrong scores."""
    return {"slices": "quality", "quality": "quality"}.get(check.partition(".")[0], check)
