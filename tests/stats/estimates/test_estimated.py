import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

from batchops.stats import NightQuality, Quality, ScoreCells, lay_out_scores, merge_qualities, tally_quality
from batchops.stats.estimates.cbpe import Expected, expected_scores, isotonic, score_curve
from batchops.stats.estimates.estimated import Lesson, Outlook, WeightedRows, effective_rows, learn
from batchops.stats.estimates.misses import Miss, folds_of, misses_of

Floats = NDArray[np.float64]

CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 5, 50_000)), 0.35)


def tallied(score: Floats, label: Floats | None, night: str = "", cells: ScoreCells = CELLS) -> Quality:
    labels = [None] * len(score) if label is None else label.astype(int).tolist()
    frame = pl.DataFrame({"score": score, "label": pl.Series(labels, dtype=pl.Int8)})
    return tally_quality(frame, night, (), cells)


def unlabelled(score: Floats, cells: ScoreCells = CELLS) -> NightQuality:
    return tally_quality(pl.DataFrame({"score": score}), "", (), cells).nights[""]


def drawn(chance: Floats, rng: np.random.Generator) -> Floats:
    return (rng.random(len(chance)) < chance).astype(np.float64)


def outlook(lesson: Lesson, night: NightQuality) -> Outlook:
    found = lesson.outlook(night)
    assert found is not None
    return found


def by_rows(score: Floats, chance: Floats, threshold: float) -> dict[str, float]:
    """NannyML's CBPE: expected counts of rows, and the ROC curve through the expected counts at every score."""
    chosen = score >= threshold
    tp, fp = chance[chosen].sum(), (1 - chance[chosen]).sum()
    fn, tn = chance[~chosen].sum(), (1 - chance[~chosen]).sum()
    curve = [
        ((1 - chance[score >= each]).sum() / (fp + tn), chance[score >= each].sum() / (tp + fn))
        for each in [*np.unique(score)[::-1]]
    ]
    rates = np.array([(0.0, 0.0), *curve])
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    return {
        "accuracy": (tp + tn) / len(score),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "false_positive_rate": fp / (fp + tn),
        "false_negative_rate": fn / (tp + fn),
        "selection_rate": float(chosen.mean()),
        "roc_auc": float(np.trapezoid(rates[:, 1], rates[:, 0])),
        "log_loss": float(-(chance * np.log(clipped) + (1 - chance) * np.log(1 - clipped)).mean()),
        "brier_score": float((chance * (1 - score) ** 2 + (1 - chance) * score**2).mean()),
    }


def test_an_estimate_is_that_of_the_rows_one_by_one_where_each_score_has_its_cell() -> None:
    rng = np.random.default_rng(1)
    score = rng.integers(0, 200, 5_000) / 200
    label = drawn(score**2, rng)
    cells = lay_out_scores(pl.Series(score), 0.35)
    now = rng.choice(np.unique(score), 400)
    expected = by_rows(now, IsotonicRegression(out_of_bounds="clip").fit(score, label).predict(now), 0.35)
    found = outlook(learn(tallied(score, label, cells=cells), cells), unlabelled(now, cells))
    assert {name: each.value for name, each in found.metrics.items()} == pytest.approx(expected, abs=1e-8)
    assert (found.method, found.n) == ("CBPE", 400)


@pytest.mark.parametrize("seed", range(3))
def test_an_estimate_in_cells_is_that_of_the_rows_within_the_printed_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 5, 20_000)
    label, now = drawn(score**1.3, rng), rng.beta(3, 5, 700)
    cells = lay_out_scores(pl.Series(score), 0.35)
    reference = tallied(score, label, cells=cells)
    curve = score_curve([reference.nights[""]], cells)
    assert curve is not None
    chance = curve.chance[np.searchsorted(np.array(cells.edges), now, side="right")]
    found = expected_scores(curve, cells, unlabelled(now, cells))
    for name, value in by_rows(now, chance, 0.35).items():
        assert abs(found[name].value - value) <= found[name].error + 1e-8


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=30))
def test_the_curve_is_scikit_learns_isotonic_regression(counts: list[tuple[int, int]]) -> None:
    negatives, positives = np.array(counts, dtype=np.float64).T
    rows = negatives + positives
    curve = isotonic(negatives, positives)
    if curve is None:
        assert not rows.any()
        return
    held = rows > 0
    places = np.flatnonzero(held).astype(np.float64)
    fitted = IsotonicRegression().fit(places, positives[held] / rows[held], rows[held])
    assert curve.chance[held] == pytest.approx(fitted.predict(places), abs=1e-9)
    assert (np.diff(curve.chance) >= 0).all()


def test_what_rows_show_by_luck_is_what_simulated_labels_show() -> None:
    rng = np.random.default_rng(2)
    score, now = rng.beta(2, 5, 400_000), rng.beta(2, 5, 500)
    reference = tallied(score, drawn(score, rng))
    found = outlook(learn(reference, CELLS), unlabelled(now)).metrics
    came: dict[str, list[float]] = {"roc_auc": [], "f1": [], "precision": [], "log_loss": [], "brier_score": []}
    chosen = now >= 0.35
    for _ in range(600):
        label = drawn(now, rng)
        came["roc_auc"].append(sk.roc_auc_score(label, now))
        came["f1"].append(2 * label[chosen].sum() / (label.sum() + chosen.sum()))
        came["precision"].append(label[chosen].mean())
        came["log_loss"].append(-np.log(np.where(label == 1, now, 1 - now)).mean())
        came["brier_score"].append(((label - now) ** 2).mean())
    for name, values in came.items():
        band = found[name]
        assert band.lower is not None
        assert band.upper is not None
        assert (band.upper - band.lower - 2 * band.error) / (2 * 1.96) == pytest.approx(np.std(values), rel=0.11), name


def held(lesson: Lesson, score: Floats, label: Floats, names: Sequence[str]) -> list[bool]:
    came = {
        "roc_auc": sk.roc_auc_score(label, score),
        "log_loss": sk.log_loss(label, score),
        "brier_score": float(((score - label) ** 2).mean()),
        "recall": label[score >= 0.35].sum() / label.sum(),
    }
    found = outlook(lesson, unlabelled(score)).metrics
    bands = [(found[name].lower, found[name].upper, came[name]) for name in names]
    return [low is not None and high is not None and bool(low <= value <= high) for low, high, value in bands]


@pytest.mark.slow
def test_bands_of_independent_rows_hold_the_truth_95_times_of_100() -> None:
    names, hits = ("roc_auc", "log_loss", "brier_score", "recall"), []
    for seed in range(500):
        rng = np.random.default_rng(seed)
        score, now = rng.beta(2, 5, 1_500), rng.beta(3, 5, 500)
        lesson = learn(tallied(score, drawn(score**1.2, rng)), CELLS)
        hits.append(held(lesson, now, drawn(now**1.2, rng), names))
    assert np.mean(hits, axis=0) == pytest.approx(0.95, abs=0.025)


def shaken(nights: int, rng: np.random.Generator, rows: int = 400) -> list[tuple[Floats, Floats]]:
    """Nights that each have a shock which no score knows of."""
    found = []
    for shock in rng.normal(0, 0.6, nights):
        score = rng.beta(2, 5, rows)
        found.append((score, drawn(expit(np.log(score / (1 - score)) + shock), rng)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("nights", [20, 60])
def test_bands_by_night_hold_nights_that_have_shocks_and_bands_by_rows_do_not(nights: int) -> None:
    names, by_night, independent = ("log_loss", "brier_score"), [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        reference = shaken(nights, rng)
        by_date = [
            tallied(score, label, f"2013-{1 + place // 28:02}-{1 + place % 28:02}")
            for place, (score, label) in enumerate(reference)
        ]
        scores, labels = (np.concatenate(each) for each in zip(*reference, strict=True))
        whole = tallied(scores, labels)
        lessons = learn(merge_qualities(by_date), CELLS), learn(whole, CELLS)
        for score, label in shaken(5, rng):
            by_night.append(held(lessons[0], score, label, names))
            independent.append(held(lessons[1], score, label, names))
    assert 0.92 <= np.mean(by_night) <= 0.985
    assert np.mean(independent) < 0.85


def test_a_band_says_on_how_many_nights_it_rests() -> None:
    rng = np.random.default_rng(3)
    nights = [tallied(*each, f"2013-01-{place + 1:02}") for place, each in enumerate(shaken(12, rng, 200))]
    now = unlabelled(rng.beta(2, 5, 200))
    enough, few = (outlook(learn(merge_qualities(nights[:count]), CELLS), now) for count in (12, 7))
    assert (enough.metrics["log_loss"].nights, enough.metrics["log_loss"].rows_independent) == (12, False)
    assert (few.metrics["log_loss"].nights, few.metrics["log_loss"].rows_independent) == (0, True)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=3))
def test_any_split_of_a_night_gives_the_same_estimate(cuts: list[int]) -> None:
    rng = np.random.default_rng(4)
    score, now = rng.beta(2, 5, 300), rng.beta(2, 5, 60)
    lesson = learn(tallied(score, drawn(score, rng)), CELLS)
    ends = [0, *sorted(cuts), 60]
    parts = [tallied(now[low:high], None) for low, high in pairwise(ends)]
    assert lesson.outlook(merge_qualities(parts).nights[""]) == lesson.outlook(unlabelled(now))


def test_worse_is_against_what_the_reference_really_got() -> None:
    rng = np.random.default_rng(5)
    score = rng.beta(2, 5, 20_000)
    label = drawn(score, rng)
    lesson = learn(tallied(score, label), CELLS)
    unsure = outlook(lesson, unlabelled(np.full(2_000, 0.34) + rng.normal(0, 0.02, 2_000))).worse
    assert lesson.realised["log_loss"] == pytest.approx(sk.log_loss(label, score), abs=1e-7)
    fall, rise = unsure["roc_auc"], unsure["log_loss"]
    assert fall.value is not None
    assert 0.1 < fall.value < 0.3
    assert rise.value is not None
    assert rise.value == pytest.approx(0.64 / lesson.realised["log_loss"] - 1, abs=0.03)
    for found in (fall, rise):
        assert found.chance is not None
        assert found.value is not None
        assert found.chance(found.value) == pytest.approx(0.5)
        assert found.chance(0.03) < 0.01
    same = outlook(lesson, unlabelled(score)).worse["roc_auc"]
    assert same.chance is not None
    assert same.chance(0.03) > 0.99


def test_without_labels_or_scores_nothing_is_estimated() -> None:
    score = np.linspace(0.1, 0.9, 50)
    assert learn(Quality(), CELLS).outlook(unlabelled(score)) is None
    assert learn(tallied(score, None), CELLS).outlook(unlabelled(score)) is None
    assert learn(tallied(score, (score > 0.5).astype(float)), CELLS).outlook(NightQuality()) is None


def test_given_decisions_are_not_guessed_from_the_threshold() -> None:
    rng = np.random.default_rng(6)
    cells = ScoreCells(CELLS.edges, 0.35, CELLS.coarse, CELLS.calibration, decided=True)
    score = rng.beta(2, 5, 500)
    frame = pl.DataFrame({"score": score, "label": drawn(score, rng), "prediction": score > 0.2})
    night = tally_quality(frame, "", (), cells)
    assert set(outlook(learn(night, cells), night.nights[""]).metrics) == {"roc_auc", "log_loss", "brier_score"}


def test_rows_of_the_reference_without_labels_teach_nothing() -> None:
    rng = np.random.default_rng(7)
    score = rng.beta(2, 5, 4_000)
    label = drawn(score, rng)
    frame = pl.DataFrame({"score": np.concatenate([score, rng.beta(5, 2, 4_000)])})
    known = frame.with_columns(label=pl.Series([*label.astype(int).tolist(), *[None] * 4_000]))
    nights = [tally_quality(part, f"2013-01-{place:02}", (), CELLS) for place, part in enumerate(ten_nights(known), 1)]
    lesson = learn(merge_qualities(nights), CELLS)
    assert lesson.realised["selection_rate"] == (score >= 0.35).mean()
    assert lesson.misses["log_loss"].nights == 10


def ten_nights(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Ten nights, each with labelled and unlabelled rows."""
    return [frame.gather_every(10, start) for start in range(10)]


def test_weights_of_one_change_nothing() -> None:
    rng = np.random.default_rng(8)
    score, now = rng.beta(2, 5, 3_000), unlabelled(rng.beta(3, 4, 500))
    label = drawn(score, rng)
    lesson = learn(tallied(score, label), CELLS)
    found = lesson.weighted(now, WeightedRows(score, label, np.ones(3_000)))
    assert found is not None
    assert found.effective_rows == pytest.approx(3_000)
    plain = outlook(lesson, now)
    for name, each in found.metrics.items():
        assert each.value == pytest.approx(plain.metrics[name].value, abs=1e-9)
        assert each.upper == pytest.approx(plain.metrics[name].upper, abs=1e-6)


def test_weights_find_what_a_score_means_among_rows_like_these() -> None:
    rng = np.random.default_rng(9)

    def rows(n: int, share: float) -> tuple[Floats, Floats, Floats]:
        group = drawn(np.full(n, share), rng)
        score = rng.beta(2, 5, n)
        return score, drawn(np.clip(score * (0.7 + group), 0, 1), rng), group

    score, label, group = rows(20_000, 0.3)
    now, came, _ = rows(5_000, 0.9)
    lesson = learn(tallied(score, label), CELLS)
    night = unlabelled(now)
    plain, weighted = (
        outlook(lesson, night),
        lesson.weighted(night, WeightedRows(score, label, np.where(group == 1, 0.9 / 0.3, 0.1 / 0.7))),
    )
    assert weighted is not None
    assert weighted.effective_rows is not None
    assert 5_000 < weighted.effective_rows < 8_000
    truth = sk.log_loss(came, now)
    estimates = [each.metrics["log_loss"].value or math.inf for each in (weighted, plain)]
    assert abs(estimates[0] - truth) < 0.02 < abs(estimates[1] - truth)


def test_few_rows_that_speak_are_refused_and_one_heavy_row_is_clipped() -> None:
    rng = np.random.default_rng(10)
    score = rng.beta(2, 5, 1_000)
    label, night = drawn(score, rng), unlabelled(score)
    lesson = learn(tallied(score, label), CELLS)
    assert lesson.weighted(night, WeightedRows(score, label, (np.arange(1_000) < 29).astype(float))) is None
    heavy = lesson.weighted(night, WeightedRows(score, label, np.where(np.arange(1_000) == 0, 1e6, 1.0)))
    assert heavy is not None
    assert heavy.effective_rows == pytest.approx(1_000, rel=0.01)
    assert effective_rows(np.zeros(3)) == 0


def test_weeks_are_estimated_from_other_weeks() -> None:
    days = [f"2013-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    folds = dict(zip(days, folds_of(days), strict=True))
    assert sorted(set(folds.values())) == list(range(12))
    assert len({folds[f"2013-07-{day:02}"] for day in range(1, 8)}) == 1  # Monday to Sunday
    assert folds_of(["a", "b", "c"]) == [0, 1, 2]


def test_a_band_of_sixty_nights_lies_between_their_ranks_and_not_at_the_outermost() -> None:
    nights = [{"log_loss": Miss(Expected(0.5 + place / 1_000, 0.0), 0.5)} for place in range(-30, 30)]
    found = misses_of(nights)["log_loss"]
    spread = math.sqrt(found.between)
    # 2.5 % of 61 is 1.525: half-way from the outermost to the next.
    assert (found.low * spread, found.high * spread) == pytest.approx((-0.029475, 0.028475))
