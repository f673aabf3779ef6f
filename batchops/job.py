"""A job: everything that says how a night is read, checked, scored and judged, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from batchops.partition import Source
from batchops.verdict import Policy

__all__ = ["Job", "Labels", "Training"]


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the truth comes from, later.

    Attributes:
        source: Files of a night's labels; they hold the job's key columns and ``column``.
        column: The label: 0/1 or a bool.
        delay_days: Days after the night when its labels are first expected.
        never: Why some rows never get one, in words for the report: "cancelled flights".
    """

    source: Source
    column: str
    delay_days: int = 1
    never: str | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """How a version of the model is made.

    Attributes:
        fit: Takes the encoded features (float64, rows x features), the labels (0/1, rows) and the positions of the
            categorical features; returns a fitted scikit-learn classifier.
        first, last: Nights of the training data, ``YYYY-MM-DD``.
        folds: Folds of whole weeks for the reference's out-of-fold scores.
        trusted: Types outside scikit-learn and numpy that the model file may hold.
    """

    fit: Callable[[Any, Any, tuple[int, ...]], Any]
    first: str
    last: str
    folds: int = 5
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A nightly scoring job.

    Attributes:
        name: Letters, digits and underscores; names the job's tables and folders.
        source: Which files are a night.
        contract: A ``pandera.polars.DataFrameModel``: columns, roles, units and rules.
        key: Columns that name a row within its night.
        model: ``name@alias`` or ``name@number``; there is no implicit latest.
        labels: Where outcomes come from; None: quality is never measured.
        training: How `batchops train` makes a version; None: versions are registered elsewhere.
        dimensions: Named expressions over the contract's columns, to slice by: ``{"part_of_day": pl.when(...)}``.
            A column of the contract needs none.
        slices: Each a tuple of dimensions or columns: ``(("carrier",), ("carrier", "part_of_day"))``.
        passthrough: Columns copied beside the score.
        threshold: ``prediction = score >= threshold``.
        window: Nights that drift, quality and slices are judged on, tonight included.
        policy: Limits.
        timezone: Of the night, IANA name; documentation of what the path's date means.
        edition: Template of the report under ``reports/``; None: the framework's own.
        title: What the job answers, in words: "Will this flight arrive more than 15 minutes late?"
    """

    name: str
    source: Source
    contract: Any
    key: tuple[str, ...]
    model: str
    labels: Labels | None = None
    training: Training | None = None
    dimensions: Mapping[str, pl.Expr] = field(default_factory=dict)
    slices: tuple[tuple[str, ...], ...] = ()
    passthrough: tuple[str, ...] = ()
    threshold: float = 0.5
    window: int = 31
    policy: Policy = field(default_factory=Policy)
    timezone: str = "UTC"
    edition: str | None = None
    title: str = ""
    task: Literal["binary"] = "binary"
