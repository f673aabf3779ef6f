"""What can go wrong with the world; bad data is a `Finding`, never an exception.

The classes answer one question, the one a scheduler asks: what shall I do now?

* BatchopsError
  x UsageError            2   what a person wrote is wrong: fix it, a retry cannot help
    + ConfigError             a setting, flag or variable
    + JobError                a job definition, or a job, night or column that is not there
    + ContractError           a contract that cannot be compiled
    + UnknownVersion          the registry holds no such model, version or alias
  x GateError             3   a gate refused: a person looks
    + ModelError              a model that may not be used
      - DigestMismatch        its bytes are not those that were registered
      - GoldenMismatch        it no longer predicts what it predicted when registered
      - UntrustedModel        it holds types nobody allowed
      - MissingReference      it has no reference to compare a night with
    + LedgerBroken            the record of runs was altered
  x TryLater             75   the world is not ready: the same command may succeed later
    + InputNotReady           the night's files are not there yet
    + InputChanged            a file changed while it was read
    + LockHeld                another runner works on this night
    + StoreError              the store is full, unreachable or refused a commit
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "BatchopsError",
    "ConfigError",
    "ContractError",
    "DigestMismatch",
    "GateError",
    "GoldenMismatch",
    "InputChanged",
    "InputNotReady",
    "JobError",
    "LedgerBroken",
    "LockHeld",
    "MissingReference",
    "ModelError",
    "StoreError",
    "TryLater",
    "UnknownVersion",
    "UntrustedModel",
    "UsageError",
    "did_you_mean",
]


class BatchopsError(Exception):
    """A failure that names its place, its cause and its remedy.

    All three are the exception's ``args``, so that it survives the trip home from a worker.

    Attributes:
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(where, what, remedy)
        self.where, self.what, self.remedy = where, what, remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"


class UsageError(BatchopsError):
    """What a person wrote is wrong; a retry cannot help."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting, flag or environment variable is wrong."""


class JobError(UsageError):
    """A job cannot be run as written, or does not have what was asked of it."""


class ContractError(UsageError):
    """A contract cannot be compiled as written."""


class UnknownVersion(UsageError):
    """The registry holds no such model, version or alias."""


class GateError(BatchopsError):
    """A gate refused; a person has to look."""

    exit_code = 3


class ModelError(GateError):
    """A model may not be used."""


class DigestMismatch(ModelError):
    """A model's bytes are not the bytes that were registered."""


class GoldenMismatch(ModelError):
    """A model no longer predicts what it predicted when it was registered."""


class UntrustedModel(ModelError):
    """A model file holds types that nobody allowed."""


class MissingReference(ModelError):
    """A model version has no reference to compare a night with."""


class LedgerBroken(GateError):
    """The record of runs was altered, cut or reordered."""


class TryLater(BatchopsError):
    """The world is not ready; the same command may succeed later."""

    exit_code = 75


class InputNotReady(TryLater):
    """The night's input is not there yet."""


class InputChanged(TryLater):
    """A file changed while it was being read."""


class LockHeld(TryLater):
    """Another runner is working on this night."""


class StoreError(TryLater):
    """The store is full, unreachable, or refused a commit."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word: the nearest known ones, or all of them.

    >>> did_you_mean("flights_dleay", ["flights_delay", "churn"])
    'Did you mean flights_delay?'
    >>> did_you_mean("x", ["flights_delay"])
    'There is flights_delay'
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There is {', '.join(names)}" if names else "There is none yet"
