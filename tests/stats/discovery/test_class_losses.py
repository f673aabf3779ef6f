from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from batchops.stats.discovery.class_losses import class_losses

NAMES = ("a", "b", "c")


def rows(n: int = 500) -> pl.DataFrame:
    random = np.random.default_rng(0)
    scores = random.dirichlet([1, 1, 1], n)
    columns = {f"score_{name}": scores[:, place] for place, name in enumerate(NAMES)}
    return pl.DataFrame(
        {"label": random.choice(NAMES, n), "prediction": np.array(NAMES)[scores.argmax(axis=1)], **columns}
    )


def test_the_mean_loss_is_scikit_learns() -> None:
    frame = rows()
    scores = frame.select(f"score_{name}" for name in NAMES).to_numpy()
    found = frame.select(class_losses(NAMES, "log_loss").alias("loss"))["loss"]
    assert found.mean() == pytest.approx(log_loss(frame["label"].to_list(), scores, labels=NAMES))
    wrong = frame.select(class_losses(NAMES, "error_rate").alias("loss"))["loss"]
    assert wrong.mean() == pytest.approx((frame["label"] != frame["prediction"]).mean())


def test_what_has_no_label_or_no_score_has_no_loss() -> None:
    frame = rows(4).with_columns(
        label=pl.Series(["a", None, "other", "b"]), score_a=pl.Series([0.5, 0.5, 0.5, float("nan")])
    )
    for metric in ("log_loss", "error_rate"):
        assert frame.select(class_losses(NAMES, metric).alias("loss"))["loss"].is_null().to_list() == [
            False,
            True,
            True,
            True,
        ]
    with pytest.raises(ValueError, match="no mean over rows of several classes"):
        class_losses(NAMES, "brier_score")
