"""audit.json read back, whichever version of batchops wrote it."""

from __future__ import annotations

import json
from typing import Any

from batchops import codec
from batchops.audit.document import FORMAT, AuditDocument
from batchops.errors import GateError

__all__ = ["read_document"]

Json = dict[str, Any]


def read_document(data: bytes, where: str) -> AuditDocument:
    """What a run wrote down.

    Args:
        where: Its path, for the error.

    Raises:
        GateError: It is no audit.json, a damaged one, or of a newer format.
    """
    try:
        read = json.loads(data)
        number = int(read["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise GateError(where, "is no audit.json, or a damaged one", "Compare it with a backup") from error
    if number > FORMAT:
        what = f"has format {number}, and this version reads up to {FORMAT}"
        raise GateError(where, what, "Use the batchops that wrote it, or a newer one")
    try:
        read = _from_1(read) if number == 1 else read
        return codec.load(AuditDocument, json.dumps(read))
    except (codec.Invalid, KeyError, TypeError) as error:
        raise GateError(where, "is no audit.json, or a damaged one", "Compare it with a backup") from error


def _from_1(read: Json) -> Json:
    """Format 1 had its metrics and slices in other places, and binary decisions under four names."""
    rows, quality, slices = dict(read["rows"]), read["quality"], read["slices"]
    rows["in"] = rows.pop("total")
    return {
        **read,
        "format": FORMAT,
        "rows": rows,
        "quality": None if quality is None else _quality_from_1(quality),
        "slices": None if slices is None else [_slice_from_1(each) for each in slices["slices"]],
        "slicing": None
        if slices is None
        else {
            "metric": "calibration_gap",
            "tested": slices["tested"],
            "support": slices["support"],
            "suppressed": 0,
            "searched": 0,
        },
    }


def _quality_from_1(quality: Json) -> Json:
    decided = quality["confusion"]
    return {
        **quality,
        "metrics": {
            each["name"]: {key: value for key, value in each.items() if key != "name"} for each in quality["metrics"]
        },
        "confusion": None
        if decided is None
        else {
            "labels": ["0", "1"],
            "counts": [
                [decided["true_negative"], decided["false_positive"]],
                [decided["false_negative"], decided["true_positive"]],
            ],
            "threshold": decided["threshold"],
        },
        "calibration": [{"label": None, **each} for each in quality["calibration"]],
    }


def _slice_from_1(each: Json) -> Json:
    """Its gap was of the slice itself, observed minus predicted, and not against the rest."""
    moved = ("gap", "lower", "upper", "lower_corrected", "upper_corrected")
    dropped = {*moved, "gap_rest", "gap_rest_lower", "gap_rest_upper", "reference_gap", "roc_auc"}
    gap = {"metric": "calibration_gap", "value": each["gap"], "reference": each["reference_gap"]}
    return {
        **{key: value for key, value in each.items() if key not in dropped},
        "discovered": False,
        "metrics": {"roc_auc": {"value": each["roc_auc"], "lower": None, "upper": None}},
        "gap": {**gap, **{key: each[key] for key in moved[1:]}},
        "p_value": None,
        "q_value": None,
    }
