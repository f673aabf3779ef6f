from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from batchops import codec, models
from batchops.errors import DigestMismatch, JobError, ModelError, UnknownVersion, UsageError
from batchops.models import Encoding, Git, Manifest, encode, git_state, register, resolve, versions
from batchops.models.loading import EXPECTED
from batchops.store import Store
from tests.models.toys import draft, labels, other, rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_version_is_named_by_its_number_and_the_digest_of_its_manifest(store: Store) -> None:
    version = register(store, "toys", draft())
    manifest = store.read(f"{version.folder}/manifest.json")
    assert version.digest == codec.digest(manifest)
    assert version.folder == f"models/toys/0001-{version.digest[:8]}"
    assert str(version) == "toys@1"


def test_the_manifest_names_every_other_file_and_reads_back(store: Store) -> None:
    version = register(store, "toys", draft())
    files = dict(version.manifest.files)
    assert sorted([*files, "manifest.json"]) == store.names(version.folder)
    assert all(store.digest(f"{version.folder}/{name}").sha256 == sha256 for name, sha256 in files.items())
    assert resolve(store, "toys@1") == version
    assert version.manifest.encoding == draft().encoding
    assert (version.manifest.metrics, version.manifest.reliance) == ({"roc_auc": 0.7}, {"colour": 0.1})
    assert version.manifest.tolerance == 0


def test_what_is_registered_is_read_only(store: Store) -> None:
    version = register(store, "toys", draft())
    for name in store.names(version.folder):
        path = store.local(f"{version.folder}/{name}")
        assert path is not None
        assert path.stat().st_mode & 0o222 == 0


def test_golden_rows_are_spread_over_the_sample_and_hold_the_odd_cases(store: Store) -> None:
    version = register(store, "toys", draft())
    golden = pl.read_parquet(Path(store.root, version.folder, "golden.parquet"))
    assert 90 <= len(golden) <= 102
    assert golden.columns == [*draft().encoding.names, EXPECTED]
    assert golden.filter(pl.all_horizontal(pl.exclude(EXPECTED).is_null())).height == 1
    assert golden.filter(~pl.col("colour").is_in(["red", "green", "blue"])).height == 1


def test_numbers_count_up_and_a_number_once_claimed_is_never_used_again(store: Store) -> None:
    register(store, "toys", draft())
    store.create("models/toys/numbers/0002", b"died")
    assert register(store, "toys", draft()).number == 3
    assert [version.number for version in versions(store, "toys")] == [1, 3]


def test_those_who_register_at_once_get_numbers_of_their_own(store: Store) -> None:
    threads = [Thread(target=register, args=(store, "toys", other(f"{n}@shop"))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [version.number for version in versions(store, "toys")] == [1, 2, 3, 4]
    assert {version.manifest.actor for version in versions(store, "toys")} == {f"{n}@shop" for n in range(4)}


def test_a_registration_that_died_half_way_leaves_no_version(store: Store) -> None:
    store.write("models/toys/.half-0123/model.skops", b"half")
    assert versions(store, "toys") == ()
    with pytest.raises(UnknownVersion):
        resolve(store, "toys@1")


def test_an_altered_manifest_is_no_version(store: Store) -> None:
    version = register(store, "toys", draft())
    path = f"{version.folder}/manifest.json"
    store.write(path, store.read(path).replace(b'"threshold": 0.5', b'"threshold": 0.1'))
    with pytest.raises(DigestMismatch, match="altered"):
        resolve(store, "toys@champion")


def test_a_manifest_of_a_newer_format_says_so(store: Store) -> None:
    version = register(store, "toys", draft())
    manifest = json.loads(store.read(f"{version.folder}/manifest.json"))
    data = json.dumps({**manifest, "format": 2}).encode()
    store.write(f"models/toys/0002-{codec.digest(data)[:8]}/manifest.json", data)
    with pytest.raises(ModelError, match="newer batchops"):
        resolve(store, "toys@2")


def test_a_manifest_of_format_1_can_be_read_for_ever() -> None:
    old = Path(__file__).with_name("manifest_format_1.json").read_bytes()
    manifest = codec.load(Manifest, old)
    assert (manifest.format, manifest.name, manifest.features[0].categories) == (1, "toys", ("blue", "green", "red"))


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("toyz@champion", "Did you mean toys?"),
        ("toys", "there is no latest"),
        ("toys@", "there is no latest"),
        ("toys@champoin", "Did you mean champion?"),
        ("toys@7", "has no version 7. There is 1"),
        ("toys@zzz", "There is champion (version 1)"),
    ],
)
def test_an_unknown_version_is_answered_with_what_there_is(store: Store, reference: str, words: str) -> None:
    register(store, "toys", draft())
    with pytest.raises(UnknownVersion) as caught:
        resolve(store, reference)
    assert words in str(caught.value)


def test_before_the_first_version_the_remedy_is_to_train_one(store: Store) -> None:
    with pytest.raises(UnknownVersion, match="Train it first"):
        resolve(store, "toys@champion")


def test_a_name_that_would_leave_its_folder_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="no name of a model"):
        register(store, "../toys", draft())


def test_a_classifier_of_one_outcome_or_other_features_is_refused(store: Store) -> None:
    frame = rows(100)
    encoding = Encoding.of(frame, ("heavy", "age"), ())
    matrix = encode(frame, encoding)
    words = LogisticRegression().fit(matrix, ["yes" if label else "no" for label in labels(frame)])
    with pytest.raises(JobError, match="labels 0 and 1"):
        register(store, "toys", replace(draft(), model=words, encoding=encoding))
    with pytest.raises(JobError, match="on 4 features, not 2"):
        register(store, "toys", replace(draft(), encoding=encoding))
    assert versions(store, "toys") == ()


def test_the_card_says_what_the_model_is_for_and_rests_on(store: Store) -> None:
    card = store.read(f"{register(store, 'toys', draft()).folder}/card.md").decode()
    for words in ("# toys", "`broken`", "1,000 rows of 31 nights", "Toys v1", "roc_auc: 0.7", "colour: 0.100"):
        assert words in card


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == Git(None, None)


def test_listing_versions_does_not_wait_for_scikit_learn() -> None:
    script = "import sys; from batchops.models import aliases, resolve, versions; sys.exit('sklearn' in sys.modules)"
    project = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=project, check=False).returncode == 0


def test_every_public_name_can_be_imported() -> None:
    assert sorted(models.__all__) == models.__all__
    assert all(hasattr(models, name) for name in models.__all__)
    with pytest.raises(AttributeError, match="no attribute 'latest'"):
        models.latest  # noqa: B018
