"""What the sentences need beside the findings."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """A night in the few values that its sentences name.

    Attributes:
        output: ``published``, ``flagged`` or ``withheld``.
        job, night: Empty for two frames.
        rows, scored, quarantined: Of tonight.
        nights: Nights of the window, tonight included.
        model: ``name@number``.
        rules, columns: How many the contract and the drift have.
        slices: How many slices were tested; 0 where none was.
        labels_expected: Night on which the first labels are due, ISO; None where the job has no labels.
        labelled: Labelled rows of the window.
        roc_auc, roc_auc_reference: Over the window, and in training; None where unknown.
    """

    job: str
    night: str
    output: str
    rows: int
    scored: int
    quarantined: int = 0
    nights: int = 1
    model: str = ""
    rules: int = 0
    columns: int = 0
    slices: int = 0
    labels_expected: str | None = None
    labelled: int = 0
    roc_auc: float | None = None
    roc_auc_reference: float | None = None

    @property
    def was(self) -> str:
        """What the reference is called."""
        return "training" if self.job else "the reference"
