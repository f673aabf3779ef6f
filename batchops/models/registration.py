"""Register a version: written whole beside its place, then moved there, and never changed again."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version as installed
from typing import Any

import numpy as np
import polars as pl
from skops.io import dumps

from batchops import codec
from batchops.errors import ModelError
from batchops.models.alias import CHAMPION, AliasChange, alias_history, set_alias
from batchops.models.encoding import Encoding, Matrix, encode
from batchops.models.loading import EXPECTED, unknown_types, unpack_model
from batchops.models.manifest import (
    CARD,
    GOLDEN,
    MANIFEST,
    MODEL,
    REFERENCE,
    REQUIREMENTS,
    SEARCHED,
    Asked,
    ContractRef,
    Git,
    Manifest,
    TrainingData,
    Version,
    check_name,
    folder_of,
    parse_manifest,
)
from batchops.models.registry import folders
from batchops.models.scoring import answers, check_model, threads, tolerance
from batchops.store import Store

__all__ = ["Draft", "register"]

LIBRARIES = ("batchops", "numpy", "polars", "scikit-learn", "scipy", "skops")
"""What a version's scores depend on."""

GOLDEN_ROWS = 100

UNSEEN = "\N{REPLACEMENT CHARACTER}unseen"
"""A category that no training data holds."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A fitted model and all that is to be written about it.

    Attributes:
        model: Fitted on the encoded features.
        contract: The contract whose rows it was fitted on.
        target: The label's column.
        threshold: Of ``binary``.
        sample: Rows with the features, to take the golden ones from; they lie readable in the store, so they hold no
            column that names a person.
        reference: Bytes to compare nights with; None: the version can be kept, but not used for scoring.
        trusted: Types outside scikit-learn and numpy that the job allows.
        metrics: Out of fold.
        reliance: As `reliance` gives it.
        parent: Number of the version that it is meant to succeed.
        asked: What it is fitted for.
        remarks: What whoever uses it should know.
        searched: Bytes to set found slices beside themselves in training; None: none is searched.
    """

    model: Any
    encoding: Encoding
    contract: ContractRef
    target: str
    threshold: float
    training: TrainingData
    sample: pl.DataFrame
    reference: bytes | None
    actor: str
    git: Git = field(default_factory=Git)
    trusted: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    reliance: Mapping[str, float] = field(default_factory=dict)
    parent: int | None = None
    asked: Asked = field(default_factory=Asked)
    remarks: tuple[str, ...] = ()
    searched: bytes | None = None


def register(store: Store, name: str, draft: Draft) -> Version:
    """Give a model a number and keep it; the first one of a name becomes its champion, later ones never by themselves.

    Raises:
        UsageError: That is no name of a model.
        UntrustedModel: It holds types that the job does not allow.
        JobError: It does not answer what it is asked.
        ModelError: It cannot be read back.
    """
    check_name(name)
    check_model(draft.model, draft.asked, len(draft.encoding.features))
    files = _files(name, draft)
    number = _claim(store, name, draft.actor)
    data = codec.dump_pretty(_manifest(name, number, draft, files))
    version = parse_manifest(folder_of(name, number, codec.digest(data)), data)
    half = f"models/{name}/.half-{secrets.token_hex(8)}"
    for file, content in {**files, MANIFEST: data}.items():
        store.write(f"{half}/{file}", content)
        path = store.local(f"{half}/{file}")
        if path is not None:
            path.chmod(0o444)
    store.move(half, version.folder)
    if not any(record.alias == CHAMPION for record in alias_history(store, name)):
        set_alias(store, name, AliasChange(CHAMPION, number, draft.actor, "the first version of its name"))
    return version


def _claim(store: Store, name: str, actor: str) -> int:
    """The next number that nobody has; a number claimed by who then failed is never used again."""
    number = max(folders(store, name), default=0) + 1
    while not store.create(f"models/{name}/numbers/{number:04d}", actor.encode()):
        number += 1
    return number


def _files(name: str, draft: Draft) -> dict[str, bytes]:
    model = dumps(draft.model)
    # Read back what was written: what cannot be loaded here cannot be loaded at night.
    read_back = unpack_model(model, draft.trusted, f"model {name}")
    golden, expected = _golden(read_back, draft)
    buffer = io.BytesIO()
    golden.with_columns(pl.Series(EXPECTED, expected)).write_parquet(buffer)
    files = {
        MODEL: model,
        GOLDEN: buffer.getvalue(),
        CARD: _card(name, draft).encode(),
        REQUIREMENTS: _requirements().encode(),
    }
    kept = {REFERENCE: draft.reference, SEARCHED: draft.searched}
    return files | {name: data for name, data in kept.items() if data is not None}


def _golden(model: Any, draft: Draft) -> tuple[pl.DataFrame, Matrix]:
    """About a hundred rows spread evenly over the sample, and the odd ones where the model takes them; their scores."""
    step = max(1, -(-len(draft.sample) // GOLDEN_ROWS))
    rows = draft.sample.select(draft.encoding.names).gather_every(step)
    both = pl.concat([rows, _odd_rows(rows, draft.encoding)])
    with threads(1):
        scores = answers(model, encode(rows, draft.encoding), draft.asked)
        try:
            found = answers(model, encode(both, draft.encoding), draft.asked)
        except ModelError:
            return rows, scores
    return (both, found) if np.isfinite(found).all() else (rows, scores)


def _odd_rows(rows: pl.DataFrame, encoding: Encoding) -> pl.DataFrame:
    """One row of nulls alone, and one of categories that no training data holds."""
    texts = [f.name for f in encoding.features if f.kind == "category" and rows.schema[f.name] == pl.String]
    return pl.concat([rows.clear(1), rows.head(1).with_columns(pl.lit(UNSEEN).alias(name) for name in texts)])


def _manifest(name: str, number: int, draft: Draft, files: Mapping[str, bytes]) -> Manifest:
    return Manifest(
        name=name,
        number=number,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        actor=draft.actor,
        git=draft.git,
        contract=draft.contract,
        features=draft.encoding.features,
        target=draft.target,
        threshold=draft.threshold,
        training=draft.training,
        trusted=unknown_types(files[MODEL], draft.trusted)[0],
        tolerance=tolerance(draft.model),
        parent=draft.parent,
        files={file: hashlib.sha256(data).hexdigest() for file, data in sorted(files.items())},
        metrics=dict(draft.metrics),
        reliance=dict(draft.reliance),
        task=draft.asked.task,
        classes=draft.asked.classes,
        remarks=draft.remarks,
    )


def _requirements() -> str:
    lines = []
    for library in LIBRARIES:
        try:
            lines.append(f"{library}=={installed(library)}")
        except PackageNotFoundError:  # batchops itself, run from its source
            continue
    return "\n".join(lines) + "\n"


def _card(name: str, draft: Draft) -> str:
    training = draft.training
    metrics = "".join(f"- {metric}: {value:.4g}\n" for metric, value in draft.metrics.items())
    ranked = sorted(draft.reliance.items(), key=lambda pair: -pair[1])[:5]
    reliance = "".join(f"- {feature}: {fall:.3f}\n" for feature, fall in ranked)
    measure = "r2" if draft.asked.task == "regression" else "roc_auc"
    return (
        f"# {name}\n\n"
        f"{type(draft.model).__name__} for `{draft.target}`: {_answered(draft)}.\n\n"
        f"Fitted on {training.rows:,} rows of {training.nights} nights, {training.first} to {training.last}, that kept "
        f"{draft.contract.id}; {len(draft.encoding.features)} features.\n"
        + "".join(f"\nTo know: {remark}.\n" for remark in draft.remarks)
        + (f"\n## Out of fold\n\n{metrics}" if metrics else "")
        + (f"\n## Relies most on\n\nFall of {measure} when the column is shuffled.\n\n{reliance}" if reliance else "")
    )


def _answered(draft: Draft) -> str:
    """What the model answers, in words."""
    if draft.asked.task == "multiclass":
        return f"the probability of each of {', '.join(draft.asked.classes)}; the largest decides"
    if draft.asked.task == "regression":
        return "its number"
    return f"the probability that it is 1, decided at {draft.threshold:g}"
