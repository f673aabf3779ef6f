"""Versions of models: how they are trained, kept, named, trusted and asked; the only door for scikit-learn and skops.

The names below are loaded when first used: listing versions must not cost the seconds that scikit-learn takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchops.models.alias import AliasChange, AliasRecord, alias_history, aliases, resolve, set_alias
    from batchops.models.domain import Separation, Side, separate
    from batchops.models.encoding import Encoding, Feature, encode
    from batchops.models.folds import week_folds
    from batchops.models.learning import Fit, fitted_by, out_of_fold, reliance
    from batchops.models.loading import LoadedModel, load
    from batchops.models.manifest import Asked, ContractRef, Git, Manifest, TrainingData, Version, git_state
    from batchops.models.registration import Draft, register
    from batchops.models.registry import read_reference, read_searched, versions
    from batchops.models.scoring import threads

__all__ = [
    "AliasChange",
    "AliasRecord",
    "Asked",
    "ContractRef",
    "Draft",
    "Encoding",
    "Feature",
    "Fit",
    "Git",
    "LoadedModel",
    "Manifest",
    "Separation",
    "Side",
    "TrainingData",
    "Version",
    "alias_history",
    "aliases",
    "encode",
    "fitted_by",
    "git_state",
    "load",
    "out_of_fold",
    "read_reference",
    "read_searched",
    "register",
    "reliance",
    "resolve",
    "separate",
    "set_alias",
    "threads",
    "versions",
    "week_folds",
]

_HOMES = {
    "AliasChange": "alias",
    "AliasRecord": "alias",
    "Asked": "manifest",
    "ContractRef": "manifest",
    "Draft": "registration",
    "Encoding": "encoding",
    "Feature": "encoding",
    "Fit": "learning",
    "Git": "manifest",
    "LoadedModel": "loading",
    "Manifest": "manifest",
    "Separation": "domain",
    "Side": "domain",
    "TrainingData": "manifest",
    "Version": "manifest",
    "alias_history": "alias",
    "aliases": "alias",
    "encode": "encoding",
    "fitted_by": "learning",
    "git_state": "manifest",
    "load": "loading",
    "out_of_fold": "learning",
    "read_reference": "registry",
    "read_searched": "registry",
    "register": "registration",
    "reliance": "learning",
    "resolve": "alias",
    "separate": "domain",
    "set_alias": "alias",
    "threads": "scoring",
    "versions": "registry",
    "week_folds": "folds",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
