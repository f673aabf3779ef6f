"""What a run has finished so far, so that the next start can go on from there."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from batchops import codec
from batchops.errors import StoreError
from batchops.partition import Night
from batchops.store.files import Store

__all__ = ["Staging"]


@dataclass(frozen=True, slots=True)
class _Begun:
    format: int
    run_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Staging:
    """One receipt a finished partition, under the key of the run's inputs.

    Attributes:
        key: Of the inputs: a run with other inputs finds nothing here.
    """

    store: Store
    job: str
    night: Night
    key: str

    @property
    def folder(self) -> str:
        """Relative to the store's root."""
        return f"staging/{self.job}/{self.night}/{self.key[:16]}"

    def begin(self, run_id: str) -> str:
        """Start, or go on.

        Args:
            run_id: For a run that starts now.

        Returns:
            The run's id: the one given, or that of the interrupted run with the same key.

        Raises:
            StoreError: What the interrupted run left cannot be read.
        """
        path = f"{self.folder}/begin.json"
        begun = _Begun(1, run_id, self.key)
        if self.store.create(path, codec.dump(begun)):
            return run_id
        try:
            before = codec.load(_Begun, self.store.read(path))
        except (codec.Invalid, FileNotFoundError) as error:
            raise StoreError(self.store.uri(path), "cannot be read", f"Delete {self.store.uri(self.folder)}") from error
        return before.run_id

    def _receipt(self, partition: str) -> str:
        return f"{self.folder}/receipts/{sha256(partition.encode()).hexdigest()[:16]}"

    def put(self, partition: str, data: bytes) -> None:
        """Keep what is known of a finished partition."""
        self.store.write(self._receipt(partition), data)

    def get(self, partition: str) -> bytes | None:
        """What was kept of a partition; None where it was never finished."""
        try:
            return self.store.read(self._receipt(partition))
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        """Forget all receipts, after the run is complete."""
        self.store.delete(self.folder)
