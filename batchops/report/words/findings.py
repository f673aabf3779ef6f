"""A finding in words."""

from __future__ import annotations

from collections.abc import Mapping

from batchops.audit.document import FindingPart
from batchops.report.formats import clean, plural
from batchops.report.topics import Topic, anchor
from batchops.report.words.checks import say
from batchops.report.words.facts import Facts
from batchops.report.words.saying import size_words
from batchops.report.words.slices import before_words
from batchops.verdict import Finding, Severity

__all__ = ["finding_part", "reason_words", "since_words", "topic_title"]


def finding_part(finding: Finding, facts: Facts) -> FindingPart:
    """The finding's figures as they are, with what they mean and what to do next."""
    saying = say(finding, facts)
    command = f": `{saying.command}`" if saying.command else ""
    return FindingPart(
        id=finding.id,
        severity=finding.severity,
        check=finding.check,
        subject=finding.subject,
        value=finding.value,
        unit=finding.unit,
        limit=finding.limit,
        blocking=finding.blocking,
        lower=finding.lower,
        upper=finding.upper,
        usual=finding.usual,
        n=finding.n,
        since=finding.since,
        nights=finding.nights,
        previous=finding.previous,
        title=saying.title,
        size=size_words(finding, before_words(finding, facts)),
        action=f"{saying.remedy}{command}.",
        anchor=anchor(finding.check, finding.subject),
        evidence=finding.evidence,
        p_value=finding.p_value,
        q_value=finding.q_value,
    )


def topic_title(topic: Topic) -> str:
    """A topic's title: that of its only or worst finding, or how many slices are wrong."""
    if not topic.is_slices or not topic.others:
        return topic.lead.title
    failing = sum(finding.severity is Severity.FAIL for finding in topic.findings)
    warning = len(topic.findings) - failing
    words = [f"{plural(failing, 'slice')} {'fails' if failing == 1 else 'fail'}"] if failing else []
    if warning:
        words.append(f"{warning} more warn" if failing else f"{plural(warning, 'slice')} warn")
    return f"{', '.join(words)}; the worst: {clean(topic.lead.subject)}"


def reason_words(reason: str, titles: Mapping[str, str]) -> str:
    """What an advice rests on: a finding, by its id's title, or the change of a metric by a dimension."""
    kind, _, what = reason.partition(".")
    if reason in titles or kind != "decomposition":
        return titles.get(reason, reason)
    metric, _, dimension = what.partition(":")
    return f"Change of the {metric.replace('_', ' ')}, by {clean(dimension).replace('_', ' ')}"


def since_words(nights: int) -> str:
    """How long it has lasted, to follow the night it began."""
    return "new tonight" if nights <= 1 else f"{nights} nights"
