"""Contracts: Pandera models compiled to expressions, and rows tried on them.

`compile_contract` makes a `Contract` of a model; `check_schema` compares columns; `evaluate` tries every rule on some
rows and splits them; `keys` finds keys that occur twice in a night. Pandera is loaded with the first model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batchops.contract.arriving import MISSING, SchemaCheck, SchemaFault, check_schema, likely_rename, schema_faults
from batchops.contract.evaluating import (
    CONTRACT,
    FAILED_RULES,
    OURS,
    PARTITION,
    ROW,
    RUN_ID,
    WHOLE,
    Validation,
    evaluate,
)
from batchops.contract.tally import RuleTally, SchemaTally, Tallies
from batchops.contract.terms import (
    KEY_UNIQUE,
    KEY_UNIQUE_OVER_NIGHTS,
    Action,
    ColumnSpec,
    Contract,
    ForeignKey,
    Freshness,
    Level,
    Role,
    Rule,
    Scope,
)

if TYPE_CHECKING:
    from batchops.contract.compiling import compile_contract

__all__ = [
    "CONTRACT",
    "FAILED_RULES",
    "KEY_UNIQUE",
    "KEY_UNIQUE_OVER_NIGHTS",
    "MISSING",
    "OURS",
    "PARTITION",
    "ROW",
    "RUN_ID",
    "WHOLE",
    "Action",
    "ColumnSpec",
    "Contract",
    "ForeignKey",
    "Freshness",
    "Level",
    "Role",
    "Rule",
    "RuleTally",
    "SchemaCheck",
    "SchemaFault",
    "SchemaTally",
    "Scope",
    "Tallies",
    "Validation",
    "check_schema",
    "compile_contract",
    "evaluate",
    "likely_rename",
    "schema_faults",
]

_HOMES = {"compile_contract": "compiling"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
