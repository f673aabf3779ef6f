"""A small world of rows and a model of them, made once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from batchops.models import ContractRef, Draft, Encoding, TrainingData, encode, threads

FEATURES = ("colour", "size", "heavy", "age")


def rows(count: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    size = random.normal(size=count)
    return pl.DataFrame(
        {
            "colour": random.choice(["red", "green", "blue"], count),
            "size": [None if lost else value for value, lost in zip(size, random.random(count) < 0.1, strict=True)],
            "heavy": size > 0.5,
            "age": random.integers(0, 90, count),
            "noise": random.random(count),
        },
        schema_overrides={"size": pl.Float64},
    )


def labels(frame: pl.DataFrame) -> Any:
    chance = 0.2 + 0.4 * (frame["colour"] == "red").cast(pl.Float64) + 0.3 * frame["heavy"].cast(pl.Float64)
    return (np.random.default_rng(1).random(len(frame)) < chance.to_numpy()).astype(int)


def fit(matrix: Any, truth: Any, categorical: tuple[int, ...]) -> HistGradientBoostingClassifier:
    trees = HistGradientBoostingClassifier(
        max_iter=10, random_state=0, early_stopping=False, categorical_features=list(categorical)
    )
    with threads(1):
        return trees.fit(matrix, truth)


@cache
def draft() -> Draft:
    frame = rows(1000)
    encoding = Encoding.of(frame, FEATURES, ["colour"])
    return Draft(
        model=fit(encode(frame, encoding), labels(frame), encoding.categorical),
        encoding=encoding,
        contract=ContractRef("Toys v1", "c0ffee"),
        target="broken",
        threshold=0.5,
        training=TrainingData("2024-01-01", "2024-01-31", 31, 1000, "beef"),
        sample=frame,
        reference=b"reference",
        actor="ann@shop",
        metrics={"roc_auc": 0.7},
        reliance={"colour": 0.1},
    )


def other(actor: str) -> Draft:
    """The same model, registered by somebody else: another version by content."""
    return replace(draft(), actor=actor)
