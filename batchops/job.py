"""A job: everything that says how a night is read, checked, scored and judged, as one frozen value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import polars as pl

from batchops import codec
from batchops.contract import Contract, compile_contract
from batchops.errors import JobError, did_you_mean
from batchops.guest import import_guest, loading
from batchops.partition import Source
from batchops.stats import AGE, ENTITY
from batchops.verdict import PRIMARY, Policy, Task

__all__ = ["Job", "Labels", "LoadedJob", "Logged", "Training", "job_names", "load_job", "problems"]

DISCOVERED = 16
"""Columns that are searched at once."""

RESERVED = ("score", "label", "loss", "prediction", ENTITY)
"""What the search, and the table of scores, call their own columns."""

OUTCOME = ("score", "prediction", "label")
"""What rows call what was predicted and what came true."""

OWN = (*OUTCOME, "model_version", "run_id", "night", ENTITY, AGE)
"""Columns of a job's table, or of its rows on their way there, that are the framework's."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the truth comes from, later.

    Attributes:
        source: Files of a night's labels; they hold the job's key columns and ``column``.
        column: The label: of ``binary`` 0/1 or a bool; of ``multiclass`` the name of a class, or a whole number, whose
            digits are its name; of ``regression`` a number.
        delay_days: Days after the night when its labels are first expected.
        never: Why some rows never get one, in words for the report: "cancelled flights".
        unit: What the numbers of ``regression`` are counted in, for the reader: "minutes".
        observed: Column that says when an outcome became known, a date or a time; None: no column says so. Nights are
            then compared at equal age of their labels; without it young ones are not compared.
    """

    source: Source
    column: str
    delay_days: int = 1
    never: str | None = None
    unit: str = ""
    observed: str | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """The features that another system, such as the online service, logged for the same keys.

    They are compared with the night's own and never scored. A night does not wait for them, and is the same run whether
    they are there or not; where they come later, they are read when it is run again with ``--force``.

    Attributes:
        source: Their files of a night; they hold the job's key columns and any of the contract's features.
        tolerance: Floats differ where they are further apart than this share of the larger; 0: where they are not the
            same number.
    """

    source: Source
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Training:
    """How a version of the model is made.

    Attributes:
        fit: Takes the encoded features (float64, rows x features), the labels (rows: 0/1, names of classes, or float64)
            and the positions of the categorical features; returns a fitted scikit-learn classifier, or regressor.
        first, last: Nights of the training data, ``YYYY-MM-DD``.
        folds: Folds of whole weeks for the reference's out-of-fold scores.
        trusted: Types outside scikit-learn and numpy that the model file may hold.
    """

    fit: Callable[[Any, Any, tuple[int, ...]], Any]
    first: str
    last: str
    folds: int = 5
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A nightly scoring job.

    Attributes:
        name: Letters, digits and underscores; names the job's tables and folders.
        source: Which files are a night.
        contract: A ``pandera.polars.DataFrameModel``: columns, roles, units and rules.
        key: Columns that name a row within its night.
        model: ``name@alias`` or ``name@number``; there is no implicit latest.
        labels: Where outcomes come from; None: quality is never measured.
        logged: The same features as another system had them; None: they are not compared.
        training: How `batchops train` makes a version; None: versions are registered elsewhere.
        dimensions: Named expressions over the contract's columns, to slice by: ``{"part_of_day": pl.when(...)}``.
            A column of the contract needs none.
        slices: Each a tuple of dimensions or columns: ``(("carrier",), ("carrier", "part_of_day"))``.
        passthrough: Columns copied beside the score.
        threshold: ``prediction = score >= threshold``, of ``binary``.
        window: Nights that drift, quality and slices are judged on, tonight included.
        policy: Limits.
        timezone: Of the night, IANA name; documentation of what the path's date means.
        edition: Template of the report under ``reports/``; None: the framework's own.
        title: What the job answers, in words: "Will this flight arrive more than 15 minutes late?"
        task: What is predicted: whether (``binary``), which of several classes (``multiclass``), how much
            (``regression``).
        discover: Features of the contract among which, once there are labels, slices are searched that nobody named;
            at most 16. They are copied beside the score.
        entity: Column of what rows belong to across nights: a customer, a plane. Intervals then count that the rows of
            one are alike; beside the score stands only which of 64 groups it fell into.
    """

    name: str
    source: Source
    contract: Any
    key: tuple[str, ...]
    model: str
    labels: Labels | None = None
    training: Training | None = None
    dimensions: Mapping[str, pl.Expr] = field(default_factory=dict)
    slices: tuple[tuple[str, ...], ...] = ()
    passthrough: tuple[str, ...] = ()
    threshold: float = 0.5
    window: int = 31
    policy: Policy = field(default_factory=Policy)
    timezone: str = "UTC"
    edition: str | None = None
    title: str = ""
    task: Task = "binary"
    logged: Logged | None = None
    discover: tuple[str, ...] = ()
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedJob:
    """A job and where it came from.

    Attributes:
        project: Folder that holds ``jobs/``; relative paths of the job start there.
        contract: The job's contract, compiled.
        digest: SHA-256 of what the job says, its policy aside.
    """

    job: Job
    project: Path
    contract: Contract
    digest: str
    policy_digest: str

    @property
    def name(self) -> str:
        """The job's name."""
        return self.job.name

    @property
    def trusted(self) -> tuple[str, ...]:
        """Types that its model's file may hold beside scikit-learn's and numpy's."""
        return self.job.training.trusted if self.job.training is not None else ()


def job_names(project: Path) -> tuple[str, ...]:
    """Modules of ``jobs/`` that define a ``JOB``, by name; none is imported."""
    found = sorted((project / "jobs").glob("*.py"))
    return tuple(path.stem for path in found if re.search(r"^JOB\b", path.read_text("utf-8"), re.MULTILINE))


def load_job(name: str, project: Path) -> LoadedJob:
    """Import ``jobs/<name>.py`` and check that its ``JOB`` can be run as written.

    Raises:
        JobError: There is no such job, or it names what its contract does not have.
        ContractError: Its contract cannot be compiled.
    """
    path = project / "jobs" / f"{name}.py"
    if not path.is_file():
        remedy = did_you_mean(name, job_names(project))
        raise JobError(f"job {name!r}", f"there is no {path.name} in {path.parent}", remedy)
    with loading:
        job = getattr(import_guest(f"jobs.{name}", project, JobError), "JOB", None)
        if not isinstance(job, Job):
            raise JobError(str(path), "defines no JOB", "Add JOB = Job(...) at its top level")
        contract = compile_contract(job.contract)
    wrong = problems(job, contract)
    if wrong:
        raise JobError(str(path), *wrong[0])
    return LoadedJob(job, project, contract, codec.digest(_described(job)), codec.digest(job.policy))


def problems(job: Job, contract: Contract) -> tuple[tuple[str, str], ...]:
    """What is wrong with a job as written: (what, remedy) each; empty where nothing is."""
    columns = {column.name for column in contract.columns}
    known = columns | set(job.dimensions)
    wrong = []
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", job.name):
        wrong.append((f"the name {job.name!r} is no identifier", "Use letters, digits and underscores"))
    if "{night}" not in job.source.pattern:
        wrong.append((f"the source {job.source.pattern!r} has no {{night}}", "Say where the night stands in the path"))
    wrong += [
        *_problems_of_logged(job, contract),
        *_problems_of_discover(job, contract),
        *_problems_of_task(job, contract),
    ]
    if not job.key:
        wrong.append(("the key is empty", "Name the columns that identify a row within its night"))
    elif set(job.key) <= columns and set(job.key) != set(contract.key):
        theirs = ", ".join(contract.key) or "none"
        what = f"the key is {', '.join(job.key)}, and the contract's is {theirs}"
        wrong.append((what, 'Mark the same columns in the contract: metadata={"role": "key"}'))
    for what, names, among in (
        ("key", job.key, columns),
        ("passthrough", job.passthrough, columns),
        ("entity", (job.entity,) if job.entity is not None else (), columns),
        ("slices", sorted({name for each in job.slices for name in each}), known),
        ("dimensions", sorted({c for e in job.dimensions.values() for c in e.meta.root_names()}), columns),
    ):
        for name in names:
            if name not in among:
                wrong.append((f"{what} names {name!r}, which the contract does not have", did_you_mean(name, among)))
    for name in sorted({name for each in job.slices for name in each}):
        read = job.dimensions[name].meta.root_names() if name in job.dimensions else [name]
        if set(read) & set(contract.pii):
            wrong.append((f"slices names {name!r}, which is personal data", "Slice by what names nobody"))
    if not re.fullmatch(r"[^@]+@[^@]+", job.model):
        wrong.append((f"the model {job.model!r} names no version", "Write name@champion or name@3; there is no latest"))
    known_metrics = PRIMARY.get(job.task, {})
    if known_metrics and job.policy.primary is not None and job.policy.primary not in known_metrics:
        what = f"the policy's primary is {job.policy.primary!r}, on which no slice is compared (task: {job.task})"
        wrong.append((what, did_you_mean(job.policy.primary, known_metrics)))
    return tuple(wrong)


def _problems_of_logged(job: Job, contract: Contract) -> list[tuple[str, str]]:
    if job.logged is None:
        return []
    wrong, pattern = [], job.logged.source.pattern
    if "{night}" not in pattern:
        wrong.append((f"the logged source {pattern!r} has no {{night}}", "Say where the night stands in the path"))
    if not 0 <= job.logged.tolerance < 1:
        what = f"the tolerance of logged is {job.logged.tolerance}"
        wrong.append((what, "Write a share of the larger number: 0 or more, below 1"))
    if not set(contract.features) - set(job.key):
        wrong.append(("logged has nothing to compare", 'Mark features in the contract: metadata={"role": "feature"}'))
    return wrong


def _problems_of_task(job: Job, contract: Contract) -> Iterator[tuple[str, str]]:
    if job.task not in get_args(Task):
        yield f"the task {job.task!r} is none", did_you_mean(job.task, get_args(Task))
    elif job.task != "binary" and job.threshold != 0.5:
        yield f"the threshold {job.threshold} decides nothing where the task is {job.task!r}", "Leave it out"
    if job.labels is not None and job.task == "multiclass" and job.labels.column in contract.pii:
        what = f"the label {job.labels.column!r} is personal data, and names of classes stand in tables and on pages"
        yield what, "Predict what names nobody"
    sliced = {name for each in job.slices for name in each}
    kept = {*job.key, *job.passthrough, *sliced, *job.dimensions, *job.discover} - ({*RESERVED} & {*job.discover})
    asked = {*OUTCOME} & {*contract.features}
    for name in sorted(asked | {each for each in kept if _is_own(each, job.task)}):
        yield f"{name!r} is what a job's table calls a column of its own", "Rename it in the contract"


def _is_own(name: str, task: Task) -> bool:
    return name in OWN or (task == "multiclass" and name.startswith("score_"))


def _problems_of_discover(job: Job, contract: Contract) -> Iterator[tuple[str, str]]:
    if len(set(job.discover)) > DISCOVERED:
        what = f"discover names {len(set(job.discover))} columns"
        yield what, f"Name the {DISCOVERED} that matter most: all slices of up to three of them are counted"
    features = set(contract.features)
    for name in dict.fromkeys(job.discover):
        if name in contract.pii:
            yield f"discover names {name!r}, which is personal data", "Search by what names nobody"
        elif name in job.dimensions:
            yield f"discover names {name!r}, which is a dimension too", "Give the dimension another name"
        elif name in RESERVED:
            yield f"discover names {name!r}, which means the row's own {name}", "Give the column another name"
        elif name not in features:
            what = f"discover names {name!r}, which is no feature of the contract"
            yield what, did_you_mean(name, sorted(features - set(contract.pii)))


def _described(job: Job) -> dict[str, Any]:
    """What the job says, as plain values; its contract and policy have digests of their own."""
    # What came later is only there where it is used: a job that does without keeps its digest.
    later: dict[str, Any] = {"discover": job.discover} if job.discover else {}
    later |= {"entity": job.entity} if job.entity is not None else {}
    if job.labels is not None and job.labels.unit:
        later["unit"] = job.labels.unit
    return {
        "name": job.name,
        "source": job.source,
        "key": job.key,
        "model": job.model,
        "labels": None if job.labels is None else _first_fields(job.labels),
        "logged": job.logged,
        "dimensions": {name: str(expr) for name, expr in job.dimensions.items()},
        "slices": job.slices,
        "passthrough": job.passthrough,
        "threshold": job.threshold,
        "window": job.window,
        "timezone": job.timezone,
        "task": job.task,
        **later,
    }


def _first_fields(labels: Labels) -> dict[str, Any]:
    """What labels said from the beginning, and what came later where it is said."""
    first = {name: getattr(labels, name) for name in ("source", "column", "delay_days", "never")}
    return first if labels.observed is None else {**first, "observed": labels.observed}
