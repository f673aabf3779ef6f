"""What a night is compared with, read without the libraries that scoring needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from batchops.audit import Reference, Yardstick
from batchops.audit.stored import unpacked
from batchops.errors import GateError, JobError, MissingReference, ModelError, UnknownVersion
from batchops.job import LoadedJob
from batchops.models import Version, read_reference, resolve
from batchops.models.manifest import REFERENCE
from batchops.store import RunRow, Store

__all__ = ["reference_of", "require_task", "same_cells", "version_of", "yardstick_of"]

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


def version_of(store: Store, row: RunRow, version: Version) -> Version | None:
    """The version that scored a night; None where the registry has it no more.

    Args:
        version: A version that is known already.
    """
    if row.model_digest == version.digest:
        return version
    try:
        return _numbered(store, row.model)
    except (UnknownVersion, ModelError):
        return None


@lru_cache(maxsize=64)
def _numbered(store: Store, model: str) -> Version:
    """A version by its number, which never changes."""
    return resolve(store, model)


def same_cells(store: Store, row: RunRow, version: Version) -> bool:
    """Whether a night was counted in a version's cells, so that its counts can be added to those of other nights."""
    other = version_of(store, row, version)
    return other is not None and other.manifest.files.get(REFERENCE) == version.manifest.files.get(REFERENCE)


def require_task(job: LoadedJob, version: Version, before: Version | None = None) -> None:
    """Make sure that a version answers what the job asks, and that the job's table was made for it.

    Args:
        before: The version that scored the job's newest night.

    Raises:
        JobError: It does not, or that was another task's.
    """
    task = job.job.task
    if version.manifest.task != task:
        what = f"was trained for {version.manifest.task}, and the job's task is {task}"
        remedy = f"Train a version, and name it: model={version.name + '@number'!r}"
        raise JobError(f"model {version}", what, remedy)
    if before is not None and before.manifest.task != task:
        what = f"has nights of {before.manifest.task}, and its task is {task} now"
        raise JobError(f"job {job.name}", what, "Give the job another name: a table holds the scores of one task")


def yardstick_of(job: LoadedJob, reference: Reference) -> Yardstick:
    """How this job's rows are counted under a reference."""
    key = tuple(name for name in job.job.key if name not in job.contract.pii)
    return Yardstick(
        inputs=reference.inputs,
        score=reference.score,
        quality=reference.quality,
        slices=job.job.slices,
        dimensions=job.job.dimensions,
        key=key,
        classes=reference.classes,
    )
