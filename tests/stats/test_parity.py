import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from batchops.audit.parity import parity_part
from batchops.stats.parity import METHODS, Batches, Parity, ParityFigure, parity
from batchops.stats.parity.distances import (
    chi_square,
    contingency,
    counted,
    deviation,
    doane,
    js_distance,
    ks,
    sturges,
    wasserstein,
)
from batchops.stats.parity.kolmogorov import one_sample, two_samples
from batchops.stats.parity.sides import Pair, Side, chunked, paired, tally
from batchops.stats.parity.tfdv import sketched
from tests.stats.parity_frames import CASES, frames

FIXTURES = Path(__file__).parent / "parity"

IDS = {
    "Jensen-Shannon distance": "jensenshannon",
    "Wasserstein distance (normed)": "wasserstein",
    "K-S p_value": "ks",
    "chi-square p_value": "chisquare",
    "Z-test p_value": "z",
    "Percentile text content drift": "text_content_drift",
    "Absolute text content drift": "text_content_drift",
    "infinity_norm": "linf",
}
"""Measures by the names under which the tools show them."""


def side(frame: pl.DataFrame, rows: int = 7_001) -> Batches:
    return lambda column: (part[column] for part in frame.select(column).iter_slices(rows))


@cache
def case_frames(case: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return frames(case)


@cache
def ours(method: str, case: str) -> Parity:
    reference, current = case_frames(case)
    return parity(side(current), side(reference), current.columns, method)


def theirs(method: str, case: str) -> tuple[dict[str, Any], dict[str, dict[str, dict[str, Any]]]]:
    """What the tool said of the dataset, and its lines by column and measure."""
    stored = json.loads((FIXTURES / f"{method}-{case}.json").read_text())
    assert stored["tool"] == method
    assert stored["version"].startswith(METHODS[method])
    lines: dict[str, dict[str, dict[str, Any]]] = {}
    for line in stored["figures"]:
        if "column" in line:
            lines.setdefault(line["column"], {})[IDS.get(line["measure"], line["measure"])] = line
    return next((line for line in stored["figures"] if "column" not in line), {}), lines


def same(figure: ParityFigure, line: dict[str, Any]) -> None:
    """Seven significant digits, in every chunk, and the same word."""

    def near(value: float | None) -> Any:
        return None if value is None else pytest.approx(value, rel=1e-7, abs=1e-12)

    if "chunks" in line:
        assert figure.chunks == tuple(near(value) for value in line["chunks"])
        assert figure.drifted == any(line["alerts"])
    else:
        assert figure.value == near(line["value"])
    if "threshold" in line:
        assert figure.threshold == near(line["threshold"])
    if "drifted" in line:
        assert figure.drifted == line["drifted"]


def silent(line: dict[str, Any]) -> bool:
    """The tool raised, or has no value for any chunk."""
    return "error" in line or all(value is None for value in line.get("chunks", [0]))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", METHODS)
def test_every_figure_is_the_tools_own(method: str, case: str) -> None:
    _, lines = theirs(method, case)
    found: dict[str, dict[str, ParityFigure]] = {}
    for figure in ours(method, case).figures:
        found.setdefault(figure.column, {})[figure.measure] = figure
    compared = 0
    for column, by_measure in lines.items():
        mine = found.pop(column)
        # NannyML that fails on the measure it takes by itself fails altogether; Evidently's classifier is not ours.
        if silent(next(iter(by_measure.values()))) or "text_content_drift" in by_measure:
            assert {figure.value for figure in mine.values()} == {None}
            continue
        assert {name for name, line in by_measure.items() if "error" not in line} == set(mine)
        for name, figure in mine.items():
            same(figure, by_measure[name])
            compared += 1
    assert all(figure.value is None for left in found.values() for figure in left.values())
    assert compared > 20
