"""Made-up nights under a small reference, for what happens over nights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.audit import LABEL, SCORE, Audit, Reference, merge
from batchops.audit.recent import Earlier
from batchops.audit.state import NightProfile
from batchops.contract import Tallies
from batchops.stats import lay_out, lay_out_scores, summarise, tally_quality

Floats = NDArray[np.float64]
Change = Callable[[pl.DataFrame], pl.DataFrame]

FIRST = dt.date(2013, 1, 1)
ROWS = 400
SLICES = (("kind",), ("size",))


def same(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def rows(seed: int, count: int = ROWS, change: Change = same) -> pl.DataFrame:
    """A night: its own level moves the numbers, and the outcomes follow the score."""
    rng = np.random.default_rng(seed)
    score = np.clip(rng.beta(2, 5, count) + rng.normal(0, 0.01), 0.01, 0.99)
    frame = pl.DataFrame(
        {
            "number": rng.normal(rng.normal(0, 0.3), 1, count),
            "kind": rng.choice(["a", "b", "c"], count, p=[0.5, 0.3, 0.2]),
            "size": rng.choice(["s", "l"], count),
            "gusts": pl.Series(rng.normal(size=count)).set(pl.Series(rng.random(count) < 0.1), None),
            SCORE: score,
            LABEL: (rng.random(count) < np.clip(score + rng.normal(0, 0.03), 0, 1)).astype(np.int8),
        }
    )
    return change(frame)


@cache
def reference(nights: int = 60) -> Reference:
    """So many nights of training, with labels."""
    frames = {str(day(place)): rows(1_000 + place) for place in range(nights)}
    whole = pl.concat(frames.values())
    cells = lay_out(whole, ("number", "kind", "size", "gusts"))
    score, quality = lay_out(whole.select(SCORE), (SCORE,))[0], lay_out_scores(whole[SCORE])
    bare = Reference(cells, score, quality, Audit(), ())
    audits = {night: audit_of(frame, night, bare) for night, frame in frames.items()}
    profiles = [NightProfile(night, audit.inputs, audit.outputs) for night, audit in audits.items()]
    return Reference(cells, score, quality, merge(list(audits.values())), tuple(profiles))


def audit_of(frame: pl.DataFrame, night: str, reference: Reference) -> Audit:
    return Audit(
        tallies=Tallies(frame.height, 0),
        inputs=summarise(frame, reference.inputs),
        outputs=summarise(frame.select(SCORE), (reference.score,)),
        quality=tally_quality(frame, night, SLICES, reference.quality),
    )


def day(place: int) -> dt.date:
    return FIRST + dt.timedelta(days=place)


def night(place: int, change: Change = same, count: int = ROWS) -> Audit:
    """The audit of a night so many days after the first of training."""
    return audit_of(rows(place, count, change), str(day(place)), reference())


def earlier(places: range, change: Change = same) -> list[Earlier]:
    return [Earlier(str(day(place)), night(place, change)) for place in places]
