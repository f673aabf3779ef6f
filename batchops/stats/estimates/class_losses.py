"""What the scores of several classes promise: losses of rows whose labels are not known yet.

The log loss of a row is -log of the score of its own class, so the sum over rows falls apart by class: rows with a
score s of class k add -log s as often as such a score of k comes true. How often that is has been seen in the
reference, class by class, by the same rising curve as of two classes; no row's scores need to be looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from batchops.stats.estimates.cbpe import Curve, Expected, cell_ends, cell_losses, isotonic, weighted_curve
from batchops.stats.numbers.sparse import merge_sparse
from batchops.stats.outcomes.state import LOSS, SCORE, NightQuality, ScoreCells

__all__ = ["class_curve", "expected_class_losses", "realised_class_losses", "weighted_class_curve"]

Floats = NDArray[np.float64]


def class_curve(nights: Sequence[NightQuality], cells: ScoreCells) -> Curve | None:
    """How often the score of each class came true on labelled nights, the cells of one class after the other's.

    Returns:
        None where no scores were counted.
    """
    whole = merge_sparse([night.classes.histogram for night in nights if night.classes is not None])
    if not whole.cells:
        return None
    others, own = (np.split(whole.floats(_size(cells), part), _starts(cells)[1:]) for part in (0, 1))
    return _joined([isotonic(*pair) for pair in zip(others, own, strict=True)])


def weighted_class_curve(scores: Floats, labels: Floats, weights: Floats, cells: ScoreCells) -> Curve | None:
    """The same from single rows, each as much as its weight.

    Args:
        scores: A line a class.
        labels: Places among the classes.
    """
    return _joined(
        [
            weighted_curve(line, (labels == place).astype(np.float64), weights, ScoreCells(edges))
            for place, (line, edges) in enumerate(zip(scores, cells.class_edges, strict=True))
        ]
    )


def _joined(curves: Sequence[Curve | None]) -> Curve | None:
    known = [curve for curve in curves if curve is not None]
    if not known or len(known) < len(curves):
        return None
    steps = np.cumsum([0, *(len(curve.variance) for curve in known)])
    return Curve(
        np.concatenate([curve.chance for curve in known]),
        np.concatenate([curve.block + step for curve, step in zip(known, steps, strict=False)]),
        np.concatenate([curve.variance for curve in known]),
    )


def _size(cells: ScoreCells) -> int:
    return sum(len(edges) + 1 for edges in cells.class_edges)


def _starts(cells: ScoreCells) -> NDArray[np.int64]:
    """Where the cells of each class begin."""
    return np.cumsum([0, *(len(edges) + 1 for edges in cells.class_edges)])[:-1]


def expected_class_losses(curve: Curve, cells: ScoreCells, night: NightQuality) -> dict[str, Expected]:
    """Log loss and Brier score to be expected of a night's scores."""
    rows, means = _table(night, cells)
    n = float(rows.sum()) / max(len(cells.classes), 1)
    if not n:
        return {}
    parts = np.split(means, _starts(cells)[1:])
    losses = [cell_losses(*pair, positive=True) for pair in zip(parts, cells.class_edges, strict=True)]
    at, above = (np.concatenate(side) for side in zip(*losses, strict=True))
    low, high = (np.concatenate(side) for side in zip(*map(cell_ends, cells.class_edges), strict=True))
    loss = _mean(curve, rows, at, n)
    own = rows * curve.chance
    # The mean square of a cell's scores is that of their mean, and more by what they vary: at most so much.
    spread = np.maximum((means - low) * (high - means), 0.0)
    squares, doubt = float((rows * (means**2 + spread / 2)).sum()) / n, float((rows * spread).sum()) / (2 * n)
    cross, half = _mean(curve, rows, -2 * means, n), 0.5 if len(cells.classes) == 2 else 1.0
    return {
        "log_loss": Expected(loss.value, loss.variance, float((own * above).sum()) / n),
        "brier_score": Expected(half * (1 + squares + cross.value), half**2 * cross.variance, half * doubt),
    }


def _table(night: NightQuality, cells: ScoreCells) -> tuple[Floats, Floats]:
    """All rows of a night by cell, labelled or not, and their mean score."""
    size = _size(cells)
    if night.classes is None or not size:
        return np.zeros(0), np.zeros(0)
    labelled, others = night.classes.histogram, night.classes.unlabelled
    rows = labelled.floats(size, 0) + labelled.floats(size, 1) + others.floats(size, 0)
    sums = (labelled.floats(size, 2) + others.floats(size, 1)) / SCORE
    return rows, np.divide(sums, rows, out=np.zeros(size), where=rows > 0)


def _mean(curve: Curve, rows: Floats, adds: Floats, n: float) -> Expected:
    """The mean of what rows add by the class that each turns out to be.

    The luck of these rows is at most what such additions vary by in all; that of the reference's is its curve's.
    """
    own = rows * curve.chance
    value = float((own * adds).sum()) / n
    luck = max(float((own * adds**2).sum()) / n - value**2, 0.0) / n
    pulls = np.bincount(curve.block, rows * adds, minlength=len(curve.variance)) / n
    return Expected(value, luck + float((pulls**2 * curve.variance).sum()))


def realised_class_losses(night: NightQuality, cells: ScoreCells) -> dict[str, float]:
    """The same of the labelled rows, as they came true."""
    total = night.overall
    scored = total.labelled - total.unscored_labelled
    if not cells.class_edges or scored <= 0:
        return {}
    return {"log_loss": total.log_loss / LOSS / scored, "brier_score": total.brier / SCORE / scored}
