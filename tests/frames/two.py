"""Two small frames of a scored binary task, alike but for what a test changes."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["frame"]


def frame(rows: int, seed: int = 0) -> pl.DataFrame:
    """Rows whose scores are true: the label is 1 as often as the score says."""
    random = np.random.default_rng(seed)
    score = random.beta(2, 3, rows)
    return pl.DataFrame(
        {
            "amount": random.lognormal(size=rows),
            "temp": random.normal(size=rows),
            "hour": random.integers(0, 24, rows),
            "carrier": random.choice(["AA", "B6", "DL", "UA"], rows, p=[0.1, 0.2, 0.3, 0.4]),
            "direct": random.random(rows) < 0.3,
            "score": score,
            "label": (random.random(rows) < score).astype(np.int64),
        }
    )
