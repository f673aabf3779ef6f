"""What the sentences need beside the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        task: ``binary``, ``multiclass`` or ``regression``.
        unit: Of the label, of regression.
        metrics, metrics_reference: What is judged of the task, over the window and in training, where it is known.
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
    task: str = "binary"
    unit: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    metrics_reference: Mapping[str, float] = field(default_factory=dict)

    @property
    def was(self) -> str:
        """What the reference is called."""
        return "training" if self.job else "the reference"
