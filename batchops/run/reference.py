"""What a night is compared with, read without the libraries that scoring needs."""

from __future__ import annotations

from batchops import codec
from batchops.audit import Reference, Yardstick
from batchops.errors import MissingReference
from batchops.job import LoadedJob
from batchops.models import Version, read_reference
from batchops.store import Store

__all__ = ["reference_of", "yardstick_of"]

_references: dict[str, Reference] = {}


def reference_of(store: Store, version: Version) -> Reference:
    """A version's reference, decoded once a process.

    Raises:
        DigestMismatch: It is not what was registered.
        MissingReference: The version has none, or it cannot be decoded.
    """
    if version.digest not in _references:
        try:
            _references[version.digest] = codec.unpack(Reference, read_reference(store, version))
        except codec.DAMAGED as error:
            what = "its reference cannot be read by this version of batchops"
            raise MissingReference(f"model {version}", what, "Train it again") from error
    return _references[version.digest]


def yardstick_of(job: LoadedJob, reference: Reference) -> Yardstick:
    """How this job's rows are counted under a reference."""
    return Yardstick(reference.inputs, reference.score, reference.quality, job.job.slices, job.job.dimensions)
