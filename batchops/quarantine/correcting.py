"""A night's counts after some rows were tried again: what these counted is taken off, what they count now is added."""

from __future__ import annotations

from batchops.contract import RuleTally, Tallies
from batchops.sketch import ValueSample

__all__ = ["corrected"]


def corrected(before: Tallies, was: Tallies, now: Tallies) -> Tallies:
    """The tallies of a night in which some rows were tried again.

    The rows themselves stay the night's, so ``rows`` does, and so do ``evaluated`` and ``unknown`` of a rule that was
    tried before. A rule that is new is known of the rows that were tried again, and of no other.

    Args:
        before: Of the whole night.
        was: What these rows count in it: ``quarantined``, and of each rule ``failed`` and ``values``.
        now: The same of these rows as they were tried again.
    """
    rules = {id: _corrected(tally, was.of(id), now.of(id)) for id, tally in before.rules.items()}
    new = {id: tally for id, tally in now.rules.items() if id not in before.rules}
    return Tallies(before.rows, before.quarantined - was.quarantined + now.quarantined, {**rules, **new})


def _corrected(before: RuleTally, was: RuleTally, now: RuleTally) -> RuleTally:
    failed = before.failed - was.failed + now.failed
    # A row that could not be tried before, and can be read and fails now, was evaluated after all.
    newly = max(0, failed - before.evaluated)
    return RuleTally(
        evaluated=before.evaluated + newly,
        failed=failed,
        unknown=max(0, before.unknown - newly),
        values=_without(before.values, was.values) + now.values if failed else ValueSample(),
    )


def _without(sample: ValueSample, taken: ValueSample) -> ValueSample:
    """A sample after rows were taken off.

    Where more values were seen than it holds, one that vanishes leaves its place empty.
    """
    if sample.many:
        return sample
    less = dict(taken.counts)
    left = ((value, count - less.get(value, 0)) for value, count in sample.counts)
    return ValueSample.of((value, count) for value, count in left if count > 0)
