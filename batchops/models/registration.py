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
from batchops.models.scoring import check_classifier, probability, threads, tolerance
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
        classifier: Fitted on the encoded features and labels 0 and 1.
        contract: The contract whose rows it was fitted on.
        target: The label's column.
        sample: Rows with the features, to take the golden ones from; they lie readable in the store, so they hold no
            column that names a person.
        reference: Bytes to compare nights with; None: the version can be kept, but not used for scoring.
        trusted: Types outside scikit-learn and numpy that the job allows.
        metrics: Out of fold.
        reliance: As `reliance` gives it.
        parent: Number of the version that it is meant to succeed.
    """

    classifier: Any
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


def register(store: Store, name: str, draft: Draft) -> Version:
    """Give a model a number and keep it; the first one of a name becomes its champion, later ones never by themselves.

    Raises:
        UsageError: That is no name of a model.
        UntrustedModel: It holds types that the job does not allow.
        ModelError: It is no classifier of 0 and 1, or it cannot be read back.
    """
    check_name(name)
    check_classifier(draft.classifier, len(draft.encoding.features))
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
    model = dumps(draft.classifier)
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
    if draft.reference is not None:
        files[REFERENCE] = draft.reference
    return files


def _golden(classifier: Any, draft: Draft) -> tuple[pl.DataFrame, Matrix]:
    """About a hundred rows spread evenly over the sample, and the odd ones where the model takes them; their scores."""
    step = max(1, -(-len(draft.sample) // GOLDEN_ROWS))
    rows = draft.sample.select(draft.encoding.names).gather_every(step)
    both = pl.concat([rows, _odd_rows(rows, draft.encoding)])
    with threads(1):
        scores = probability(classifier, encode(rows, draft.encoding))
        try:
            return both, probability(classifier, encode(both, draft.encoding))
        except ModelError:
            return rows, scores


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
        tolerance=tolerance(draft.classifier),
        parent=draft.parent,
        files={file: hashlib.sha256(data).hexdigest() for file, data in sorted(files.items())},
        metrics=dict(draft.metrics),
        reliance=dict(draft.reliance),
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
    return (
        f"# {name}\n\n"
        f"{type(draft.classifier).__name__} for `{draft.target}`: the probability that it is 1, decided at "
        f"{draft.threshold:g}.\n\n"
        f"Fitted on {training.rows:,} rows of {training.nights} nights, {training.first} to {training.last}, that kept "
        f"{draft.contract.id}; {len(draft.encoding.features)} features.\n"
        + (f"\n## Out of fold\n\n{metrics}" if metrics else "")
        + (f"\n## Relies most on\n\nFall of roc_auc when the column is shuffled.\n\n{reliance}" if reliance else "")
    )
