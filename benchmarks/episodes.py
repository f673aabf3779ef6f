"""Alarms of simulated years: nights, episodes, and how long a change takes to be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from types import MappingProxyType

from batchops import Severity
from benchmarks.years import Change, Shape, judged_nights

__all__ = ["CASES", "CHANGES", "Alarms", "counted", "delay_lines", "year_lines"]

PLAIN = Shape()
BOTH = replace(PLAIN, rho=0.7, weekday=0.5, trend=0.2)

CASES: Mapping[str, Shape] = MappingProxyType(
    {
        f"{name}, window {window}": replace(shape, window=window)
        for window in (31, 7)
        for name, shape in (
            ("memory 0", PLAIN),
            ("memory .7", replace(PLAIN, rho=0.7)),
            ("memory .95", replace(PLAIN, rho=0.95)),
            ("memory .7, weekdays, trend", BOTH),
        )
    }
)

CHANGES = (
    Change("shift .1 sd", shift=0.1),
    Change("shift .3 sd", shift=0.3),
    Change("shift .5 sd", shift=0.5),
    Change("labels' log odds + .5", concept=0.5),
    Change("a new category, 1 %", new=0.01),
    Change("nulls + 5 points", nulls=0.05),
)

TELLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "shift": ("demand", "score.", "series.score", "series.selection_rate"),
        "new": ("kind",),
        "nulls": ("gusts",),
        "concept": ("quality.", "concept.", "slices."),
    }
)
"""What a change may be told by: a subject, or how a check begins."""

BEFORE, AFTER = 60, 45
"""Nights before a change, so that there are recent nights and a whole window; and nights in which it is looked for."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """How often something alarmed.

    Attributes:
        nights: How many there were; alarmed: with any alarm.
        episodes: Unbroken runs of alarms of one subject.
    """

    nights: int = 0
    alarmed: int = 0
    episodes: int = 0

    def __add__(self, other: Alarms) -> Alarms:
        return Alarms(self.nights + other.nights, self.alarmed + other.alarmed, self.episodes + other.episodes)


def counted(subjects: Sequence[frozenset[str]]) -> Alarms:
    """Of nights in order, each with the subjects that alarmed.

    >>> counted([frozenset({"a"}), frozenset({"a", "b"}), frozenset(), frozenset({"a"})])
    Alarms(nights=4, alarmed=3, episodes=3)
    """
    before = (frozenset[str](), *subjects)
    return Alarms(
        len(subjects), sum(map(bool, subjects)), sum(len(now - was) for was, now in zip(before, subjects, strict=False))
    )


def _subject(subject: str) -> str:
    return subject.removesuffix(" (tonight)").removesuffix(" (newest night)")


def year_lines(years: int, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Of each case: years, alarms as WARN or worse, and as FAIL; each year has a reference of its own."""
    for name in names:
        warned, failed = Alarms(), Alarms()
        for seed in range(years):
            verdicts = [night.verdict for night in judged_nights(CASES[name], seed)]
            alarms = [[(each.severity, _subject(each.subject)) for each in verdict.alarms] for verdict in verdicts]
            warned += counted([frozenset(subject for _, subject in each) for each in alarms])
            failed += counted([frozenset(s for severity, s in each if severity is Severity.FAIL) for each in alarms])
        run = f"{warned.nights / warned.episodes:,.0f}" if warned.episodes else f"> {warned.nights:,}"
        yield (
            name,
            f"{years}",
            f"{warned.alarmed / warned.nights:.1%}",
            f"{warned.episodes / warned.nights:.1%}",
            run,
            f"{failed.alarmed / failed.nights:.1%}",
            f"{failed.episodes / years:.1f}",
        )


def delay_lines(runs: int, shape: Shape, changes: Sequence[Change] = CHANGES) -> Iterator[tuple[str, ...]]:
    """Of each change: median nights until the first WARN and FAIL that tell of it, and how many runs had one."""
    for change in changes:
        waits: dict[str, list[float]] = {"WARN": [], "FAIL": []}
        for seed in range(runs):
            found = _waited(replace(shape, nights=BEFORE + AFTER, at=BEFORE, change=change), seed)
            for word, wait in found.items():
                waits[word].append(wait)
        yield (change.name, *(_told(each) for each in waits.values()))


def _waited(shape: Shape, seed: int) -> dict[str, float]:
    """Nights until a change was told of, 1 for its first; infinite where it was not."""
    found = {"WARN": float("inf"), "FAIL": float("inf")}
    for night in judged_nights(shape, seed, first=shape.at):
        own = [each.severity for each in night.verdict.alarms if _tells(shape.change, each.check, each.subject)]
        for word, severities in (("WARN", own), ("FAIL", [each for each in own if each is Severity.FAIL])):
            if severities:
                found[word] = min(found[word], night.place - shape.at + 1)
        if found["FAIL"] < float("inf"):
            break
    return found


def _tells(change: Change, check: str, subject: str) -> bool:
    kind = next(name for name in TELLS if getattr(change, name))
    return _subject(subject) in TELLS[kind] or check.startswith(TELLS[kind])


def _told(waits: Sequence[float]) -> str:
    """``3 (20 of 20)``: the median of all runs, those without an alarm as infinitely long."""
    middle, told = median(waits), sum(wait < float("inf") for wait in waits)
    return f"{middle:.0f} ({told} of {len(waits)})" if middle < float("inf") else f"> {AFTER} ({told} of {len(waits)})"
