"""Years of whole jobs, simulated: every night is counted, compared and judged as a run does it, without a store.

A job has eight inputs of every shape, a score, and labels that come a day late. Every input, and the labels' log odds,
have a shock of their own every night, of which the next night keeps a part. A night is judged when it is scored, with
the labels of all nights before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from batchops import Policy, Severity
from batchops.audit import LABEL, SCORE, Audit, NightProfile, Reference, merge
from batchops.audit.beside import Beside, compare_night, compared_figures
from batchops.audit.multivariate import usual_areas
from batchops.audit.reach import with_reach
from batchops.audit.recent import LONGEST, REACH, Earlier
from batchops.contract import Tallies
from batchops.partition import Night
from batchops.stats import Cells, lay_out, lay_out_scores, summarise, tally_quality
from batchops.stats.rows.covariance import count_products
from batchops.stats.rows.sample import Sampling, sample_rows
from batchops.verdict import Verdict, judge

__all__ = ["COLUMNS", "Change", "Shape", "Tonight", "judged_nights"]

Floats = NDArray[np.float64]

FIRST = dt.date(2023, 1, 2)
"""The first night of training; a Monday."""

COLUMNS = ("demand", "price", "age", "wait", "weather", "gusts", "kind", "place")
SLICES = (("kind",), ("size",), ("kind", "size"))
KINDS, PLACES = np.array([60.0, 30, 5, 4, 1]), 1 / np.arange(1.0, 201)
POLICY = Policy(primary="calibration_gap")
"""Some slices have a larger log loss than the rest by themselves, since more of their outcomes are open: that is true,
and no false alarm. What was predicted of all of them is what comes true."""

SAMPLED = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to the job one night, for good.

    Attributes:
        shift: Of ``demand``, in standard deviations of its rows.
        concept: Of the labels' log odds, whatever the score says.
        new: Share of rows of ``kind`` with a value that there never was.
        nulls: More of ``gusts``, as a share of rows.
    """

    name: str = "nothing"
    shift: float = 0.0
    concept: float = 0.0
    new: float = 0.0
    nulls: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A job and the years it lives in.

    Attributes:
        nights: After training.
        training: Nights of training.
        rows: Of a night.
        window: Of the job, in nights.
        rho: What the next night keeps of a night's shock.
        shock: Its standard deviation: of inputs in those of a row, of the shares' and labels' log odds as it is.
            ``weather`` has three times as much.
        weekday: By how much ``demand`` is more on weekends, in standard deviations of a row; the labels' log odds a
            third of that, and a third fewer rows.
        trend: How far ``demand`` and ``price`` drift from the first night of training to the last of all, in the same;
            the labels' log odds half of that.
        together: All columns are looked at together too, which takes longer than all else.
        change: What happens ``at`` some night after training.
    """

    nights: int = 365
    training: int = 90
    rows: int = 1_000
    window: int = 31
    rho: float = 0.0
    shock: float = 0.2
    weekday: float = 0.0
    trend: float = 0.0
    together: bool = False
    change: Change = field(default_factory=Change)
    at: int = 0


@dataclass(frozen=True, slots=True)
class Tonight:
    """A night as it was judged; its place after training."""

    place: int
    verdict: Verdict


def _shocks(rng: np.random.Generator, shape: Shape) -> Floats:
    """Of every night, x columns and the labels; standard deviation `Shape.shock`."""
    nights = shape.training + shape.nights
    fresh = rng.normal(size=(nights, len(COLUMNS) + 1))
    found = np.empty_like(fresh)
    found[0] = fresh[0]
    for night in range(1, nights):
        found[night] = shape.rho * found[night - 1] + np.sqrt(1 - shape.rho**2) * fresh[night]
    return np.asarray(found * shape.shock)


def _rows(rng: np.random.Generator, shape: Shape, place: int, shock: Floats) -> tuple[pl.DataFrame, Floats]:
    """A night's inputs, and the log odds that its score will show before they are calibrated."""
    weekend = (FIRST + dt.timedelta(days=place)).weekday() >= 5
    n = round(shape.rows * (1 - 0.3 * bool(weekend and shape.weekday)))
    changed = shape.change if place - shape.training >= shape.at else Change()
    drift = shape.trend * place / (shape.training + shape.nights)
    demand = rng.normal(shock[0] + weekend * shape.weekday + drift + changed.shift, 1, n)
    age = rng.poisson(3 * np.exp(shock[2] / np.sqrt(3)), n).astype(np.float64)
    wait = np.where(rng.random(n) < expit(0.85 + shock[3]), 0.0, rng.lognormal(size=n))
    weather = rng.normal(3 * shock[4], 1, n)
    missing = rng.random(n) < expit(-2.94 + shock[5]) + changed.nulls
    kind = _picked(rng, KINDS, shock[6], n)
    odds = -1.2 + 0.6 * demand + 0.25 * (age - 3) + 0.2 * weather + np.array([0, 0.3, -0.3, 0.5, 0])[kind]
    kinds = np.array(["a", "b", "c", "d", "e"])[kind]
    frame = pl.DataFrame(
        {
            "demand": demand,
            "price": rng.lognormal(shock[1] + drift, 1, n),
            "age": age,
            "wait": wait,
            "weather": weather,
            "gusts": pl.Series(rng.normal(size=n)).set(pl.Series(missing), None),
            "kind": np.where(rng.random(n) < changed.new, "brand new", kinds),
            "place": pl.Series(_picked(rng, PLACES, shock[7], n)).cast(pl.String),
            "size": np.where(demand > 0, "large", "small"),
        }
    )
    return frame, odds


def _picked(rng: np.random.Generator, weights: Floats, shock: float, n: int) -> NDArray[np.int64]:
    """Every other category is likelier on a night, and the rest less."""
    moved = weights * np.exp(shock * np.where(np.arange(len(weights)) % 2, 1, -1) / 2)
    places = np.searchsorted(np.cumsum(moved) / moved.sum(), rng.random(n))
    return np.asarray(places, dtype=np.int64)


def _labels(rng: np.random.Generator, shape: Shape, place: int, odds: Floats, shock: float) -> Floats:
    weekend = (FIRST + dt.timedelta(days=place)).weekday() >= 5
    changed = shape.change.concept * (place - shape.training >= shape.at)
    moved = shock + changed + weekend * shape.weekday / 3
    moved += shape.trend / 2 * place / (shape.training + shape.nights)
    return np.asarray(rng.random(len(odds)) < expit(odds + moved), dtype=np.float64)


def _calibrated(odds: Floats, labels: Floats) -> float:
    """What a model that learned from these rows adds to their log odds: by Newton."""
    added = 0.0
    for _ in range(8):
        score = expit(odds + added)
        added += float((labels - score).sum() / (score * (1 - score)).sum())
    return added


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """All nights of a job, drawn when they are asked for."""

    rng: np.random.Generator
    shape: Shape
    shocks: Floats

    def night(self, place: int, added: float) -> pl.DataFrame:
        """A night's rows with score and label."""
        frame, odds = _rows(self.rng, self.shape, place, self.shocks[place])
        labels = _labels(self.rng, self.shape, place, odds, float(self.shocks[place, -1]))
        return frame.with_columns(pl.Series(SCORE, expit(odds + added)), pl.Series(LABEL, labels).cast(pl.Int8))


def _name(place: int) -> str:
    return str(FIRST + dt.timedelta(days=place))


def _audit(frame: pl.DataFrame, place: int, reference: Reference, together: bool) -> Audit:
    found = Audit(
        tallies=Tallies(frame.height, 0),
        inputs=summarise(frame, reference.inputs),
        outputs=summarise(frame.select(SCORE), (reference.score,)),
        quality=tally_quality(frame, _name(place), SLICES, reference.quality),
    )
    if not together:
        return found
    sampling = Sampling(reference.inputs, SAMPLED, (), (SCORE, LABEL), ("kind", "size"))
    sample = sample_rows(frame, sampling, _name(place))
    return replace(found, sample=sample, products=count_products(frame, reference.inputs))


def _unlabelled(audit: Audit, frame: pl.DataFrame, place: int, reference: Reference) -> Audit:
    bare = frame.with_columns(pl.lit(None, pl.Int8).alias(LABEL))
    return replace(audit, quality=tally_quality(bare, _name(place), SLICES, reference.quality))


def _trained(world: _World) -> tuple[Reference, float]:
    """The reference of the training nights, and what calibrates the score."""
    shape = world.shape
    frames = [world.night(place, 0.0) for place in range(shape.training)]
    whole = pl.concat(frames)
    added = _calibrated(logit(whole[SCORE].to_numpy()), whole[LABEL].to_numpy().astype(np.float64))
    frames = [each.with_columns(pl.Series(SCORE, expit(logit(each[SCORE].to_numpy()) + added))) for each in frames]
    whole = pl.concat(frames)
    cells: tuple[Cells, ...] = lay_out(whole, COLUMNS)
    bare = Reference(cells, lay_out(whole.select(SCORE), (SCORE,))[0], lay_out_scores(whole[SCORE]), Audit(), ())
    audits = [_audit(frame, place, bare, shape.together) for place, frame in enumerate(frames)]
    nights = tuple(NightProfile(_name(place), each.inputs, each.outputs) for place, each in enumerate(audits))
    areas = usual_areas([each.sample for each in audits], cells, (1, shape.window)) if shape.together else ()
    return replace(bare, audit=merge(audits), nights=nights, usual_areas=areas), added


def _recent(place: int, known: Sequence[tuple[Audit, Severity]], first: int) -> tuple[Earlier, ...]:
    """The healthy nights before one, as `batchops.run.history.healthy` takes them.

    Args:
        known: Every night's audit with its labels, and its verdict, from ``first`` on.
    """
    healthy = [
        Earlier(_name(first + at), audit)
        for at, (audit, severity) in enumerate(known[: place - first])
        if severity is not Severity.FAIL and first + at >= place - REACH
    ]
    return tuple(healthy[-LONGEST:])


def judged_nights(shape: Shape, seed: int, first: int = 0) -> Iterator[Tonight]:
    """Every night after training, oldest first.

    Args:
        first: Nights before this one are counted and not judged, as healthy ones.
    """
    rng = np.random.default_rng([seed, 2026])
    world = _World(rng, shape, _shocks(rng, shape))
    reference, added = _trained(world)
    known: list[tuple[Audit, Severity]] = []
    for place in range(shape.training, shape.training + shape.nights):
        frame = world.night(place, added)
        audit = _audit(frame, place, reference, shape.together)
        if place - shape.training < first:
            known.append((audit, Severity.PASS))
            continue
        earlier = tuple(each for each, _ in known[-(shape.window - 1) :]) if shape.window > 1 else ()
        beside = Beside(reference, earlier, _recent(place, known, shape.training))
        verdict = _judged(place, _unlabelled(audit, frame, place, reference), beside)
        known.append((audit, verdict.severity))
        yield Tonight(place - shape.training, verdict)


def _judged(place: int, audit: Audit, beside: Beside) -> Verdict:
    night = Night.parse(_name(place))
    compared = compare_night(night, audit, beside, POLICY)
    figures = compared_figures(compared, beside, POLICY)
    return judge([*with_reach(figures, POLICY, len(beside.earlier) + 1)], POLICY, str(night))
