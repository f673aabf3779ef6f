"""What a night is compared with, read without the libraries that scoring needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from batchops.audit import Reference, Yardstick
from batchops.audit.stored import unpacked
from batchops.errors import GateError, MissingReference, ModelError
from batchops.job import LoadedJob
from batchops.models import Version, read_reference
from batchops.store import Store

__all__ = ["reference_of", "yardstick_of"]

_references: dict[tuple[str, frozenset[str]], Reference] = {}


def reference_of(store: Store, version: Version, pii: Collection[str] = ()) -> Reference:
    """A version's reference, decoded once a process.

    Args:
        pii: Columns whose values may not be kept. One that was none when the version was trained is left out.

    Raises:
        DigestMismatch: It is not what was registered.
        MissingReference: The version has none, or it cannot be decoded.
    """
    known = (version.digest, frozenset(pii))
    if known not in _references:
        try:
            whole = unpacked(Reference, read_reference(store, version), f"the reference of model {version}")
        except ModelError:
            raise
        except GateError as error:
            raise MissingReference(error.where, error.what, "Train it again, or use the batchops that did") from error
        seen = tuple(cells for cells in whole.inputs if cells.kind == "opaque" or cells.column not in pii)
        _references[known] = replace(whole, inputs=seen)
    return _references[known]


def yardstick_of(job: LoadedJob, reference: Reference) -> Yardstick:
    """How this job's rows are counted under a reference."""
    key = tuple(name for name in job.job.key if name not in job.contract.pii)
    return Yardstick(reference.inputs, reference.score, reference.quality, job.job.slices, job.job.dimensions, key)
