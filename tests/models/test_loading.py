from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_info

from batchops import codec
from batchops.errors import DigestMismatch, GoldenMismatch, MissingReference, ModelError, UntrustedModel
from batchops.models import Draft, Encoding, LoadedModel, Version, encode, load, register, resolve, threads
from batchops.models.loading import CLASS, EXPECTED
from batchops.models.manifest import parse_manifest
from batchops.store import Store
from tests.models.toys import draft, labels, rows


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threads(1):
        yield


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    store = Store(str(tmp_path_factory.mktemp("store")))
    return load(store, register(store, "toys", draft()))


def registered(store: Store, **changes: Any) -> Version:
    """A version with a content of its own, so that no other test has loaded it."""
    return register(store, "toys", replace(draft(), actor=store.root, **changes))


def forged(store: Store, version: Version, name: str, data: bytes) -> Version:
    """A version whose digests all agree with a file put in by a forger."""
    manifest = json.loads(store.read(f"{version.folder}/manifest.json"))
    manifest["files"][name] = codec.digest(data)
    new = json.dumps(manifest).encode()
    folder = f"models/toys/0009-{codec.digest(new)[:8]}"
    for file in store.names(version.folder):
        store.write(f"{folder}/{file}", store.read(f"{version.folder}/{file}"))
    store.write(f"{folder}/manifest.json", new)
    store.write(f"{folder}/{name}", data)
    return parse_manifest(folder, new)


def test_a_loaded_model_scores_as_the_fitted_one_and_brings_its_reference(model: LoadedModel) -> None:
    frame = rows(300, seed=9)
    expected = draft().model.predict_proba(encode(frame, draft().encoding))[:, 1]
    np.testing.assert_array_equal(model.score(frame), expected)
    assert model.score(frame).dtype == np.float64
    assert model.reference == b"reference"
    assert model.version.number == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=50))
def test_a_rows_score_does_not_depend_on_the_rows_beside_it(model: LoadedModel, cuts: list[int]) -> None:
    frame = rows(400, seed=2)
    edges = [0, *sorted(cuts), 400]
    parts = [model.score(frame[start:end]) for start, end in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), model.score(frame))


@pytest.mark.parametrize("splits", [1, 3, 50])
def test_scores_are_the_same_bits_for_any_number_of_partitions(model: LoadedModel, splits: int) -> None:
    frame = rows(70_000, seed=3)
    size = -(-len(frame) // splits)
    parts = [model.score(part) for part in frame.iter_slices(size)]
    assert len(parts) == splits
    np.testing.assert_array_equal(np.concatenate(parts), model.score(frame))


def test_no_rows_have_no_scores(model: LoadedModel) -> None:
    assert model.score(rows(3).clear()).shape == (0,)


def test_rows_without_a_feature_are_a_model_error(model: LoadedModel) -> None:
    with pytest.raises(ModelError, match="feature age"):
        model.score(rows(3).drop("age"))


def test_threads_that_ask_at_once_get_one_model(store: Store) -> None:
    version = registered(store)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load(store, version), range(16)))
    assert {id(each) for each in loaded} == {id(loaded[0])}


@pytest.mark.parametrize("name", ["model.skops", "golden.parquet", "reference.audit", "card.md"])
@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_a_file_that_is_not_what_was_registered_is_refused(store: Store, name: str, damage: str) -> None:
    version = registered(store)
    path = f"{version.folder}/{name}"
    if damage == "missing":
        store.delete(path)
    else:
        data = bytearray(store.read(path))
        data[len(data) // 2] ^= 1
        store.write(path, bytes(data))
    with pytest.raises(DigestMismatch, match=name):
        load(store, version)


def test_a_version_without_reference_can_be_kept_but_not_used(store: Store) -> None:
    version = registered(store, reference=None)
    with pytest.raises(MissingReference, match="Train it again"):
        load(store, version)


def golden(store: Store, version: Version, scores: pl.Expr) -> bytes:
    frame = pl.read_parquet(io.BytesIO(store.read(f"{version.folder}/golden.parquet")))
    buffer = io.BytesIO()
    frame.with_columns(scores.alias(EXPECTED)).write_parquet(buffer)
    return buffer.getvalue()


def test_trees_that_predict_otherwise_by_one_bit_are_refused(store: Store) -> None:
    version = registered(store)
    off = forged(store, version, "golden.parquet", golden(store, version, pl.col(EXPECTED) * (1 + 1e-15)))
    with pytest.raises(GoldenMismatch, match=r"golden rows score otherwise.*requirements\.txt"):
        load(store, off)


def linear(*steps: Any) -> Draft:
    """Logistic regression, which takes no missing value."""
    frame = rows(300).with_columns(pl.col("size").fill_null(0))
    encoding = Encoding.of(frame, ("size", "heavy", "age"), ())
    fitted = make_pipeline(StandardScaler(), *steps, LogisticRegression()).fit(encode(frame, encoding), labels(frame))
    return replace(draft(), model=fitted, encoding=encoding, sample=frame)


def test_a_linear_model_may_differ_in_its_last_bits_but_not_flip_a_decision(store: Store) -> None:
    version = register(store, "toys", linear())
    near = forged(store, version, "golden.parquet", golden(store, version, pl.col(EXPECTED) * (1 + 1e-12)))
    assert load(store, near).score(linear().sample).shape == (300,)
    far = forged(store, version, "golden.parquet", golden(store, version, pl.col(EXPECTED) * (1 + 1e-6)))
    with pytest.raises(GoldenMismatch):
        load(store, far)
    first = io.BytesIO(store.read(f"{version.folder}/golden.parquet"))
    edge = float(pl.read_parquet(first)[EXPECTED][0])
    close = register(store, "edges", replace(linear(), threshold=edge))
    flipped = forged(store, close, "golden.parquet", golden(store, close, pl.col(EXPECTED) - 1e-12))
    with pytest.raises(GoldenMismatch, match=r"0 of 100 golden rows .* 1 are decided otherwise"):
        load(store, flipped)


def test_a_row_that_the_model_has_no_answer_for_is_a_model_error(store: Store) -> None:
    model = load(store, register(store, "toys", linear()))
    with pytest.raises(ModelError, match="missing value"):
        model.score(linear().sample.with_columns(size=pl.lit(None, pl.Float64)))


def test_a_function_that_nobody_allowed_is_refused_when_it_is_registered(store: Store) -> None:
    with pytest.raises(UntrustedModel, match=r"numpy\.nan_to_num"):
        register(store, "toys", linear(FunctionTransformer(np.nan_to_num)))


def test_what_the_version_says_of_itself_is_no_ground_for_trust(store: Store) -> None:
    allowed = ("numpy.nan_to_num",)
    version = register(store, "toys", replace(linear(FunctionTransformer(np.nan_to_num)), trusted=allowed))
    assert "numpy.nan_to_num" in version.manifest.trusted
    with pytest.raises(UntrustedModel, match=r"numpy\.nan_to_num"):
        load(store, version)
    assert load(store, version, allowed).score(linear().sample).shape == (300,)
    with pytest.raises(UntrustedModel):
        load(store, version)


@pytest.mark.parametrize(
    "name", ["os.system", "numpy.load", "sklearn.datasets.fetch_openml", "numpyx.Evil", "subprocess.Popen"]
)
def test_functions_and_strangers_are_not_trusted_by_their_modules_name(name: str) -> None:
    assert CLASS.fullmatch(name) is None


def test_a_model_file_that_is_none_is_a_model_error(store: Store) -> None:
    version = registered(store)
    with pytest.raises(ModelError, match="cannot be read by the libraries here"):
        load(store, forged(store, version, "model.skops", b"no model"))


def test_threads_are_limited_inside_and_restored_after() -> None:
    def openmp() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"}

    with threads(3):
        assert openmp() == {3}
        with threads(1):
            assert openmp() == {1}
        assert openmp() == {3}


def test_the_champion_of_a_name_can_be_loaded_by_its_alias(store: Store) -> None:
    register(store, "toys", draft())
    assert load(store, resolve(store, "toys@champion")).version.number == 1
