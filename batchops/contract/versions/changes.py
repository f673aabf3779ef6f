"""One thing that two versions of a contract have differently, and which data it lets in or keeps out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["REASONS", "Change", "Direction", "Kind", "between", "changed", "needs_training"]

Direction = Literal["narrowing", "widening", "both", "meaning", "severity", "words"]
Kind = Literal["contract", "column", "rule"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that two versions of a contract have differently.

    Attributes:
        what: Id of a rule, name of a column, or what of the contract: ``rows``, ``freshness``.
        direction: ``narrowing``: rejects data that was accepted; ``widening``: accepts data that was rejected;
            ``both``: some of each, or which of them cannot be told; ``meaning``: an author's function, a unit, a
            default, a feature, which comparing says nothing of; ``severity``: the same data passes, and is judged or
            shown otherwise; ``words``: nothing else than words.
        was, now: In words; empty where there was, or is, nothing.
        why: What it means for producers, or for the model.
        training: The model has to be trained anew.
    """

    what: str
    kind: Kind
    direction: Direction
    was: str
    now: str
    why: str
    training: bool = False

    @property
    def verb(self) -> str:
        """``added``, ``removed``, or what its direction does."""
        if not self.was or not self.now:
            return "removed" if self.was else "added"
        return {"narrowing": "narrowed", "widening": "widened", "words": "reworded"}.get(self.direction, "changed")


REASONS: Mapping[Direction, str] = {
    "narrowing": "data that was accepted is rejected: today's producers may be affected",
    "widening": "data that was rejected is accepted: the model may be fed values that it has not seen",
    "both": "data that was accepted is rejected, and data that was rejected is accepted",
    "meaning": "comparing cannot tell what it rejects: replay it over published nights",
    "severity": "the same data passes; what fails is judged otherwise",
    "words": "nothing is judged otherwise",
}
FEATURES = "the model reads other features: train a version before the next night"


def between(narrower: bool, wider: bool) -> Direction:
    """The direction of a change that keeps out more, lets in more, does both, or neither."""
    if narrower and wider:
        return "both"
    return "narrowing" if narrower else "widening" if wider else "severity"


def changed(what: tuple[Kind, str], direction: Direction, was: str, now: str, why: str = "") -> Change:
    """A change with the reason of its direction, or one of its own."""
    return Change(what[1], what[0], direction, was, now, why or REASONS[direction])


def needs_training(change: Change) -> Change:
    """The same change of what a model reads."""
    return replace(change, why=f"{change.why}; {FEATURES}" if change.why else FEATURES, training=True)
