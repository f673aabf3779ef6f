import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from batchops.stats import Quality, gain, lay_out_quality, lay_out_scores, merge_qualities, tally_quality, thresholds

Floats = NDArray[np.float64]


def drawn(n: int = 5_000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 5, n)
    return pl.DataFrame({"score": score, "label": rng.random(n) < score, "weight": rng.exponential(1.0, n)})


@pytest.mark.parametrize("weighted", [False, True])
def test_each_threshold_decides_as_it_would(weighted: bool) -> None:
    rows = drawn() if weighted else drawn().drop("weight")
    cells = lay_out_quality(rows, "binary", 0.37)
    found = thresholds(tally_quality(rows, "a", (), cells), cells)
    assert len(found) == 20
    assert 0.37 in [each.threshold for each in found]
    assert list(found) == sorted(found, key=lambda each: each.threshold)
    score, label = rows["score"].to_numpy(), rows["label"].to_numpy()
    weight = rows["weight"].to_numpy() if weighted else None
    for each in found:
        chosen = score >= each.threshold
        assert each.selection_rate == pytest.approx(np.average(chosen, weights=weight), abs=1e-7)
        assert each.precision == pytest.approx(sk.precision_score(label, chosen, sample_weight=weight), abs=1e-7)
        assert each.recall == pytest.approx(sk.recall_score(label, chosen, sample_weight=weight), abs=1e-7)
        assert each.f1 == pytest.approx(sk.f1_score(label, chosen, sample_weight=weight), abs=1e-7)
        negative = None if weight is None else weight[~label]
        assert each.false_positive_rate == pytest.approx(np.average(chosen[~label], weights=negative), abs=1e-7)


def test_thresholds_of_few_different_scores_are_few() -> None:
    rows = pl.DataFrame({"score": [0.2, 0.2, 0.8, 0.8], "label": [0, 1, 0, 1]})
    cells = lay_out_scores(rows["score"])
    found = thresholds(tally_quality(rows, "a", (), cells), cells)
    assert {(each.selection_rate, each.recall) for each in found} <= {(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)}
    assert all(each.precision in (0.5, None) for each in found)


def test_the_gain_is_what_the_highest_scores_hold() -> None:
    rows = drawn().drop("weight")
    cells = lay_out_quality(rows, "binary")
    found = gain(
        merge_qualities([tally_quality(part, f"{part.height}", (), cells) for part in rows.iter_slices(3_000)]), cells
    )
    assert len(found) == 10
    label = rows.sort("score", descending=True)["label"].to_numpy()
    for each, target in zip(found, np.arange(1, 11) / 10, strict=True):
        assert each.share == pytest.approx(target, abs=0.001)
        assert each.gain == pytest.approx(label[: round(each.share * 5_000)].sum() / label.sum())
        assert each.lift == pytest.approx(each.gain / each.share)


def test_without_labels_or_positives_there_is_nothing_to_say() -> None:
    rows = drawn(20).drop("weight")
    cells = lay_out_scores(rows["score"])
    assert thresholds(tally_quality(rows.drop("label"), "a", (), cells), cells) == ()
    none = tally_quality(rows.with_columns(label=pl.lit(False)), "a", (), cells)
    assert gain(none, cells) == ()
    assert all(each.recall is None and each.precision in (0.0, None) for each in thresholds(none, cells))
    assert (thresholds(Quality(), cells), gain(Quality(), cells)) == ((), ())
