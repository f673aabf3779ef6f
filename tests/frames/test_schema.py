from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from jsonschema import Draft202012Validator

from batchops import FrameAudit, Roles, audit_frame, codec
from batchops.audit import AuditDocument
from batchops.stats import MEASURES
from tests.frames.test_tasks import animals, numbers
from tests.frames.two import frame

REFERENCE, CURRENT = frame(3_000, 1), frame(600, 2)
SCHEMA = codec.json_schema(AuditDocument, whole=True)


@cache
def strict() -> Draft202012Validator:
    """The published schema, without room for a key that it does not name."""
    schema = json.loads(json.dumps(SCHEMA))
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return Draft202012Validator(schema)


def written(made: FrameAudit) -> Any:
    return json.loads(codec.dump_pretty(made.document))


def keys(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path of keys; places in lists and values of the data aside."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from keys(inner, (*path, key))


MADE = {
    "binary": lambda: audit_frame(CURRENT, REFERENCE, roles=Roles(slices=("carrier", "temp")), discover=True),
    "unlabelled": lambda: audit_frame(CURRENT.drop("label"), REFERENCE),
    "multiclass": lambda: audit_frame(animals(600, 1), animals(2_000, 2), roles=Roles(slices=("dirty",))),
    "regression": lambda: audit_frame(numbers(600, 1), numbers(2_000, 2), method="evidently"),
    "alone": lambda: audit_frame(CURRENT),
    "empty": lambda: audit_frame(CURRENT.head(0), REFERENCE),
    "one row": lambda: audit_frame(CURRENT.head(1), REFERENCE.head(1)),
    "no column": lambda: audit_frame(pl.DataFrame(), REFERENCE),
    "no number": lambda: audit_frame(
        *(each.with_columns(temp=pl.lit(None, pl.Float64), amount=pl.lit(np.inf)) for each in (CURRENT, REFERENCE))
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_written_is_what_the_schema_says(name: str) -> None:
    found = written(MADE[name]())
    assert [f"{list(each.absolute_path)}: {each.message[:200]}" for each in strict().iter_errors(found)] == []


def test_the_keys_that_others_rely_on_are_there() -> None:
    found = written(MADE["binary"]())
    assert {"severity", "headline", "actions"} <= found["verdict"].keys()
    assert {"in", "scored", "quarantined"} <= found["rows"].keys()
    (column, *_), (part, *_) = found["drift"]["columns"], found["slices"]
    assert {
        "column", "kind", "measures", "null_share", "unseen_share", "outside_share", "noise", "limit", "p_value",
        "q_value", "severity",
    } <= column.keys()  # fmt: skip
    assert column["null_share"].keys() == {"reference", "current"}
    assert {"psi", "js_distance", "hellinger", "ks", "wasserstein", "tvd", "linf"} <= column["measures"].keys()
    quality = found["quality"]
    assert {"task", "n_labelled", "coverage", "metrics", "confusion", "calibration"} <= quality.keys()
    for name in (
        "accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier_score", "false_positive_rate",
        "false_negative_rate", "selection_rate",
    ):  # fmt: skip
        assert {"value", "lower", "upper", "reference", "limit", "severity"} <= quality["metrics"][name].keys()
    assert {"slice", "discovered", "n", "metrics", "gap", "p_value", "q_value", "severity"} <= part.keys()
    assert {"metric", "value", "lower", "upper"} <= part["gap"].keys()
    assert {"metrics", "weighted"} <= written(MADE["unlabelled"]())["estimated"].keys()
    assert {"fairness", "provenance", "format"} <= found.keys()
    numbers = written(MADE["regression"]())["quality"]["metrics"]
    assert {"mean_absolute_error", "root_mean_squared_error", "mean_error", "r2"} <= numbers.keys()


def test_a_column_and_a_slice_have_the_same_keys_whatever_is_known_of_them() -> None:
    odd = CURRENT.drop("temp").with_columns(pl.col("hour").cast(pl.String), new=pl.lit(1), temp2=pl.lit(None))
    columns = written(audit_frame(odd, REFERENCE.with_columns(legs=pl.concat_list("hour"))))["drift"]["columns"]
    assert len(columns) == 8
    assert len({frozenset(each) for each in columns}) == 1
    assert all(each["measures"].keys() == MEASURES.keys() for each in columns)


def test_the_schema_says_what_every_key_that_others_rely_on_means() -> None:
    kinds = SCHEMA["$defs"]
    told = kinds["ColumnPart"]["properties"]["measures"]["properties"]
    assert told.keys() == MEASURES.keys()
    for name in ("psi", "js_distance", "hellinger", "tvd", "linf"):
        assert "Over groups" in told[name]["description"], name
    assert "1e-4" in told["psi"]["description"]
    assert "base 2" in told["js_distance"]["description"]
    assert "standard deviations of the reference" in told["wasserstein"]["description"]
    for kind, key, words in (
        ("ColumnPart", "measure", "``ks`` of numbers"),
        ("ColumnPart", "limit", "a quarter of its standard deviation"),
        ("ConfusionPart", "counts", "K lines"),
        ("QualityPart", "calibration", "tenth of the reference's scores"),
        ("QualityPart", "task", "<score>_<class>"),
        ("SlicePart", "slice", "[low, high)"),
    ):
        assert words in kinds[kind]["properties"][key]["description"], (kind, key)


def test_every_key_is_required() -> None:
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        assert part.get("required", []) == list(part.get("properties", []))
