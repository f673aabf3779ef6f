"""Pandera's names that are needed at work, loaded when first used.

Two tables without a contract, and the list of nights, must not cost the half second that Pandera and pandas take.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandera.api.polars.types import PolarsData
    from pandera.polars import DataFrameModel

__all__ = ["DataFrameModel", "PolarsData"]

_HOMES = {"DataFrameModel": "pandera.polars", "PolarsData": "pandera.api.polars.types"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
