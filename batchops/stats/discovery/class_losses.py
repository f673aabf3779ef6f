"""What each row of more than two classes adds to the metric on which slices are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

__all__ = ["class_losses"]

EPSILON = float(np.finfo(np.float64).eps)


def class_losses(classes: Sequence[str], metric: str) -> pl.Expr:
    """Each row's loss; its mean is scikit-learn's metric of that name.

    Args:
        classes: Their names; rows have a column ``score_<class>`` for each, ``prediction`` and ``label``.
        metric: ``log_loss`` (scores are clipped at the rounding error of a double) or ``error_rate``.

    Returns:
        Null where there is no label, it is none of the classes, or some score is no probability.

    Raises:
        ValueError: The metric is another one.
    """
    if metric not in ("log_loss", "error_rate"):
        raise ValueError(f"{metric!r} is no mean over rows of several classes: one of log_loss, error_rate")
    scores = [pl.col(f"score_{name}") for name in classes]
    possible = pl.all_horizontal(score.is_between(0, 1) for score in scores)
    if metric == "error_rate":
        loss = (pl.col("prediction") != pl.col("label")).cast(pl.Float64)
    else:
        own = pl.coalesce(
            pl.when(pl.col("label") == name).then(score) for name, score in zip(classes, scores, strict=True)
        )
        loss = -own.clip(EPSILON, 1 - EPSILON).log()
    return pl.when(possible & pl.col("label").is_in(classes)).then(loss)
