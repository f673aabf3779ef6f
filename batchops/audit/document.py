"""audit.json: all of a night in one value, from which every report, message and index is derived.

Its keys are public: they are only added, and ``format`` counts changes of meaning. Severities are the five words of
`Severity`; a share is of 1; a figure that is not finite or does not apply is null, and no key is ever absent. What
depends on when and where the night ran (run id, times, the list of partitions) stands under ``run`` and nowhere else,
so that everything beside ``run`` has the same bytes for any partitioning of the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from batchops import codec
from batchops.audit.changes import ConceptPart, RetrainPart, SeasonPart
from batchops.audit.columns import ColumnPart
from batchops.audit.groups import FairnessPart, SlicePart, SlicingPart
from batchops.audit.lately import RecentPart, SeriesPart
from batchops.audit.outcomes import EstimatedPart, QualityPart
from batchops.audit.sections import ContractPart, DriftPart, LoggedPart, RulePart, ScorePart, SkewPart
from batchops.partition import Receipt
from batchops.verdict import Past, Scalar, Severity

__all__ = [
    "FORMAT",
    "Action",
    "AuditDocument",
    "BudgetPart",
    "Family",
    "FindingPart",
    "ProvenancePart",
    "ReferencePart",
    "RowsPart",
    "RunPart",
    "TablePart",
    "VerdictPart",
    "WindowPart",
]

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: words, and the command to type where there is one."""

    text: str
    command: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictPart:
    """May I use tonight's scores?

    Attributes:
        headline: The worst finding in a sentence with two numbers; a PASS names the check nearest its limit.
        lead: Size, interval, limit, worst place, since when, what still works.
        actions: At most three; the first is about using the output.
        counts: Number of judged figures by severity.
        output: What happened to the scores: ``published``, ``flagged`` (published although a check failed) or
            ``withheld``.
    """

    severity: Severity
    headline: str
    lead: str
    actions: tuple[Action, ...]
    counts: Mapping[str, int]
    output: str


@dataclass(frozen=True, slots=True)
class RowsPart:
    """Rows in = scored + quarantined, always; the rows of unreadable files are unknown and stand apart.

    Attributes:
        total: Rows in; the key is ``in``.
        released: Of the scored rows, those that were set aside first, and put back by a person since.
    """

    total: Annotated[int, codec.named("in")]
    scored: int
    quarantined: int
    unreadable_partitions: int
    released: int = 0


@dataclass(frozen=True, slots=True)
class WindowPart:
    """The nights that drift, quality and slices are judged on.

    Attributes:
        labelled: Rows with an outcome; None where nobody asked for what they are counted for.
        digests: Night -> digest of the stored audit that was merged.
    """

    first: str
    last: str
    nights: int
    rows: int
    labelled: int | None
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """One of the five tiles: contract, drift, score, quality, slices.

    Attributes:
        series: Id of the figure whose line over the last runs the tile shows (a key of ``history[].figures``).
        value, unit, limit: The tile's one figure.
        text: What the figure is, in words.
        why: Why it is NOT RUN and when it is expected; None where it ran.
    """

    name: str
    severity: Severity
    series: str
    value: float | None
    unit: str
    limit: float | None
    text: str
    why: str | None


@dataclass(frozen=True, slots=True)
class FindingPart:
    """A finding, in figures and in words; ``action`` says what to do next."""

    id: str
    severity: Severity
    check: str
    subject: str
    value: float | None
    unit: str
    limit: float | None
    blocking: bool
    lower: float | None
    upper: float | None
    usual: float | None
    n: int
    since: str | None
    nights: int
    previous: float | None
    title: str
    size: str
    action: str
    anchor: str
    evidence: Mapping[str, Scalar]
    p_value: float | None = None
    q_value: float | None = None


@dataclass(frozen=True, slots=True)
class BudgetPart:
    """The error budget under which all estimated figures were judged together.

    Attributes:
        figures: How many there were; figures that are counted take nothing of it.
        warn: Share of nights without a change on which something may WARN.
        fail: The same for FAIL.
    """

    figures: int
    warn: float
    fail: float


@dataclass(frozen=True, slots=True)
class ReferencePart:
    """Another dataset that the contract's rows must name rows of, as it was.

    Attributes:
        path: As the contract has it.
        digest: Of its files' names and content.
        unreadable: Why it could not be read; None where it could.
    """

    name: str
    path: str
    files: tuple[str, ...]
    digest: str
    rows: int
    unreadable: str | None


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table that was audited.

    Attributes:
        name: As it was given.
        files: How many; 0 for a frame in memory.
        digest: SHA-256 of their names and bytes; None for a frame in memory.
    """

    name: str
    files: int
    rows: int
    columns: int
    digest: str | None


@dataclass(frozen=True, slots=True)
class ProvenancePart:
    """Everything needed to repeat the run, apart from what `RunPart` holds.

    Attributes:
        libraries: Name -> version.
        references: Other datasets that were asked.
        replay: The command that makes it again.
        logged: The rows of another system that were compared; None where there are none.
        model, job_digest: None for two frames, and what belongs to them.
        current, reference: The tables of an audit of two frames; None of a night.
        roles: Of their columns: role -> column; of more than two classes ``score`` is what the columns
            ``<score>_<class>`` begin with.
        guessed: Roles that nobody gave, and why they were taken.
    """

    batchops: str
    python: str
    libraries: Mapping[str, str]
    model: str | None
    model_digest: str | None
    model_created: str | None
    model_rows: int | None
    model_first: str | None
    model_last: str | None
    contract: str | None
    contract_digest: str | None
    job_digest: str | None
    policy_digest: str | None
    git_commit: str | None
    git_dirty: bool | None
    replay: str
    references: tuple[ReferencePart, ...] = ()
    logged: LoggedPart | None = None
    current: TablePart | None = None
    reference: TablePart | None = None
    roles: Mapping[str, str] | None = None
    guessed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPart:
    """This run: what another run of the same night may differ in.

    Attributes:
        kind: ``score`` or ``labels``.
        key: Digest of job name, night and the content of inputs and references (and of labels, for ``labels``).
        previous_ledger: Head of the job's ledger before this run.
        stages: Stage -> seconds.
        peak_memory: Bytes, of the driver process.
        cpu_seconds: Of the driver process and its children that have ended, up to the report.
        series: What the run took, beside what recent runs let expect; it changes no verdict.
    """

    id: str
    kind: str
    key: str
    started: str
    finished: str
    seconds: float
    stages: Mapping[str, float]
    rows_per_second: float | None
    peak_memory: int
    scheduler: str
    actor: str
    reason: str | None
    scores_table: str
    previous_ledger: str | None
    partitions: tuple[Receipt, ...]
    cpu_seconds: float | None = None
    series: tuple[SeriesPart, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditDocument:
    """The whole of audit.json, of a night or of two frames; what was not asked for is None.

    Attributes:
        job, night: None for two frames.
        contract: None without one.
        skew, score, history: Of a night alone.
        task: ``binary``, ``multiclass`` or ``regression``; None for two frames without a label.
        unit: Of the label and what is predicted of it, of regression, where the job says.
    """

    format: int
    job: str | None
    title: str
    night: str | None
    verdict: VerdictPart
    rows: RowsPart
    window: WindowPart
    families: tuple[Family, ...]
    findings: tuple[FindingPart, ...]
    contract: ContractPart | None
    drift: DriftPart | None
    score: ScorePart | None
    quality: QualityPart | None
    slices: tuple[SlicePart, ...] | None
    provenance: ProvenancePart
    history: tuple[Past, ...]
    run: RunPart
    skew: SkewPart | None = None
    estimated: EstimatedPart | None = None
    slicing: SlicingPart | None = None
    fairness: tuple[FairnessPart, ...] | None = None
    concept: ConceptPart | None = None
    retrain: RetrainPart | None = None
    budget: BudgetPart | None = None
    recent: RecentPart | None = None
    season: SeasonPart | None = None
    task: str | None = None
    unit: str | None = None

    @property
    def rules(self) -> tuple[RulePart, ...]:
        """The contract's; none without one."""
        return self.contract.rules if self.contract else ()

    @property
    def columns(self) -> tuple[ColumnPart, ...]:
        """Those that were compared with the reference."""
        return self.drift.columns if self.drift else ()
