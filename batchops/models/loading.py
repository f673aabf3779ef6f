"""Load a version only if it is what was registered, holds nothing unknown and still predicts what it did."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from zipfile import BadZipFile

import numpy as np
import polars as pl
from skops.io import get_untrusted_types, loads
from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

from batchops.errors import GoldenMismatch, ModelError, UntrustedModel
from batchops.models.encoding import Matrix, encode
from batchops.models.manifest import GOLDEN, MODEL, REFERENCE, REQUIREMENTS, SEARCHED, Version
from batchops.models.registry import read_reference, read_verified
from batchops.models.scoring import BATCH, answers, check_model, decisions, threads
from batchops.store import Store

__all__ = ["EXPECTED", "LoadedModel", "load", "unknown_types", "unpack_model"]

EXPECTED = "_expected"
"""Column of the golden rows that holds their scores."""

FUNCTIONS = frozenset({"functools.partial", "sklearn.utils.validation.check_array"})
"""What histogram boosting keeps of scikit-learn besides its classes. A partial's function is audited by itself."""

CLASS = re.compile(r"(sklearn|numpy)\.([A-Za-z_0-9]+\.)*_?[A-Z][A-Za-z_0-9]*")
"""A class of scikit-learn or numpy: their functions can run code, and are not trusted by their module alone."""

UNREADABLE = (
    BadZipFile,
    UnsupportedTypeException,
    UntrustedTypesFoundException,
    ImportError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A version that may be used in this process.

    Attributes:
        reference: The bytes that the caller of `register` gave to compare nights with.
    """

    version: Version
    reference: bytes
    _model: Any = field(repr=False)

    def score(self, frame: pl.DataFrame) -> Matrix:
        """What the model answers, as `answers` gives it; of a row it does not depend on the rows beside it.

        Raises:
            ModelError: The frame lacks a feature, or holds text where a number was.
        """
        encoding, asked = self.version.manifest.encoding, self.version.manifest.asked
        starts = range(0, max(len(frame), 1), BATCH)
        parts = [answers(self._model, encode(frame.slice(start, BATCH), encoding), asked) for start in starts]
        return np.concatenate(parts)


_loaded: dict[tuple[str, frozenset[str]], LoadedModel] = {}
_locks: dict[str, Lock] = {}
_lock = Lock()


def load(store: Store, version: Version, trusted: Collection[str] = ()) -> LoadedModel:
    """Load a version, once a process however many threads ask for it.

    Args:
        trusted: Types outside scikit-learn and numpy that the job allows; what the version says itself is no ground.

    Raises:
        DigestMismatch: A file is not the one that was registered.
        UntrustedModel: The model holds types that nobody allowed.
        GoldenMismatch: It no longer predicts what it did.
        MissingReference: It was registered without a reference.
        ModelError: The libraries here cannot read it.
    """
    key = (version.digest, frozenset(trusted))
    with _lock:
        alone = _locks.setdefault(version.digest, Lock())
    with alone:
        if key not in _loaded:
            _loaded[key] = _load(store, version, key[1])
        return _loaded[key]


def _load(store: Store, version: Version, trusted: frozenset[str]) -> LoadedModel:
    reference = read_reference(store, version)
    files = _verified(store, version)
    model = unpack_model(files[MODEL], trusted, str(version))
    encoding, asked = version.manifest.encoding, version.manifest.asked
    check_model(model, asked, len(encoding.features))
    golden = pl.read_parquet(io.BytesIO(files[GOLDEN]))
    with threads(1):
        scores = answers(model, encode(golden, encoding), asked)
    _check_golden(scores, golden[EXPECTED].to_numpy(), version)
    return LoadedModel(version, reference, model)


def _verified(store: Store, version: Version) -> Mapping[str, bytes]:
    names = (name for name in version.manifest.files if name not in (REFERENCE, SEARCHED))
    return {name: read_verified(store, version, name) for name in names}


def unknown_types(data: bytes, trusted: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Types of a model file that skops does not trust by itself: (allowed here, not allowed)."""
    found = sorted(get_untrusted_types(data=data))
    allowed = tuple(name for name in found if name in trusted or name in FUNCTIONS or CLASS.fullmatch(name))
    return allowed, tuple(name for name in found if name not in allowed)


def unpack_model(data: bytes, trusted: Collection[str], where: str) -> Any:
    """What a model file holds.

    Raises:
        UntrustedModel: It holds types that nobody allowed.
        ModelError: The libraries here cannot read it.
    """
    try:
        allowed, refused = unknown_types(data, trusted)
        if not refused:
            return loads(data, trusted=list(allowed))
    except UNREADABLE as error:
        what = f"cannot be read by the libraries here ({type(error).__name__})"
        raise ModelError(where, what, f"Install what its {REQUIREMENTS} names, or train it again") from error
    what = f"holds types that nobody allowed: {', '.join(name[:80] for name in refused[:5])}"
    raise UntrustedModel(where, what, "Find out where it comes from; name them in Training.trusted if they are yours")


def _check_golden(scores: Matrix, expected: Matrix, version: Version) -> None:
    manifest = version.manifest
    # Numbers have a size of their own; what is told apart has probabilities.
    size = np.abs(expected).max(initial=0.0) if manifest.task == "regression" else 1.0
    differ = (np.abs(scores - expected) > manifest.tolerance * size).reshape(len(expected), -1).any(axis=1)
    flipped = np.not_equal(*(decisions(each, manifest.asked, manifest.threshold) for each in (scores, expected)))
    if differ.any() or flipped.any() or not np.isfinite(scores).all():
        what = (
            f"{int(differ.sum())} of {len(expected)} golden rows score otherwise than when it was registered, "
            f"{int(flipped.sum())} are decided otherwise"
        )
        raise GoldenMismatch(str(version), what, f"Install what its {REQUIREMENTS} names, or train it again")
