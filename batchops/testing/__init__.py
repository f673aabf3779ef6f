"""For schema authors: made-up rows that a contract accepts, rows that break one rule, and a trial of every rule.

`sample_frame` makes the first, `violate` the second; `assert_contract_catches` does both for a whole contract, and
fails where a rule can never fail. The names are loaded when first used: pytest loads the plugin beside them at every
start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchops.testing.catching import Trial, assert_contract_catches, try_contract
    from batchops.testing.sampling import sample_frame
    from batchops.testing.violating import violate

__all__ = ["Trial", "assert_contract_catches", "sample_frame", "try_contract", "violate"]

_HOMES = {
    "Trial": "catching",
    "assert_contract_catches": "catching",
    "sample_frame": "sampling",
    "try_contract": "catching",
    "violate": "violating",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
