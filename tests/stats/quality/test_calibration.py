import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from batchops.stats import Quality, calibration, lay_out_quality, lay_out_scores, recalibration, tally_quality

Floats = NDArray[np.float64]


def logit(score: Floats) -> Floats:
    return np.asarray(np.log(score / (1 - score)))


def test_the_line_that_mends_the_scores_is_logistic_regressions() -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(2, 4, 20_000)
    label = rng.random(20_000) < 1 / (1 + np.exp(-(0.4 + 0.6 * logit(score))))
    rows = pl.DataFrame({"score": score, "label": label})
    cells = lay_out_scores(rows["score"])
    found = recalibration(tally_quality(rows, "a", (), cells), cells)
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(score)[:, None], label)
    assert found is not None
    assert found.slope == pytest.approx(float(model.coef_[0, 0]), abs=1e-4)
    assert found.intercept == pytest.approx(float(model.intercept_[0]), abs=1e-4)
    mended = model.predict_proba(logit(score)[:, None])[:, 1]
    assert found.brier_score_now == pytest.approx(float(((score - label) ** 2).mean()), abs=1e-8)
    assert found.brier_score == pytest.approx(float(((mended - label) ** 2).mean()), abs=1e-6)
    assert found.brier_score < found.brier_score_now


def test_scores_that_are_right_are_left_as_they_are() -> None:
    rng = np.random.default_rng(1)
    score = rng.beta(2, 4, 50_000)
    rows = pl.DataFrame({"score": score, "label": rng.random(50_000) < score})
    cells = lay_out_scores(rows["score"])
    found = recalibration(tally_quality(rows, "a", (), cells), cells)
    assert found is not None
    assert [found.intercept, found.slope] == pytest.approx([0.0, 1.0], abs=0.05)


@pytest.mark.parametrize(
    ("score", "label"),
    [
        ([0.3] * 10, [0, 1] * 5),
        ([0.1, 0.9, 0.4], [0, 0, 0]),
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]),
        ([0.0, 1.0], [0, 1]),
        ([0.4], [1]),
        ([], []),
    ],
)
def test_no_line_is_drawn_where_none_can_be(score: list[float], label: list[int]) -> None:
    rows = pl.DataFrame({"score": score, "label": label}, schema={"score": pl.Float64, "label": pl.Int8})
    cells = lay_out_scores(pl.Series(np.linspace(0.01, 0.99, 100)))
    assert recalibration(tally_quality(rows, "a", (), cells), cells) is None


def test_scores_of_0_and_1_can_be_mended() -> None:
    rng = np.random.default_rng(2)
    score = rng.choice([0.0, 0.25, 0.5, 1.0], 4_000)
    rows = pl.DataFrame({"score": score, "label": rng.random(4_000) < 0.2 + 0.6 * score})
    cells = lay_out_scores(rows["score"])
    found = recalibration(tally_quality(rows, "a", (), cells), cells)
    assert found is not None
    assert 0 < found.slope < 1
    assert found.brier_score < found.brier_score_now


def test_each_class_is_calibrated_by_its_own_score() -> None:
    rng = np.random.default_rng(3)
    scores = rng.dirichlet([1, 2, 3], 5_000)
    label = (rng.random((5_000, 1)) > np.cumsum(scores, axis=1)).sum(axis=1)
    rows = pl.DataFrame({f"score_{name}": scores[:, place] for place, name in enumerate("abc")}).with_columns(
        label=pl.Series(np.array(list("abc"))[np.minimum(label, 2)])
    )
    cells = lay_out_quality(rows, "multiclass")
    found = calibration(tally_quality(rows, "a", (), cells), cells)
    assert len(found) == 30
    for place, name in enumerate("abc"):
        own = [cell for cell in found if cell.label == name]
        assert sum(cell.n for cell in own) == 5_000
        for cell in own:
            held = (scores[:, place] >= cell.low) & (scores[:, place] < cell.high)
            assert cell.n == held.sum()
            assert cell.predicted == pytest.approx(scores[held, place].mean(), abs=1e-8)
            assert cell.observed == pytest.approx((rows["label"].to_numpy()[held] == name).mean())
    assert calibration(Quality(), cells) == ()


def test_numbers_stand_beside_what_came_true_by_tenths_of_the_predictions() -> None:
    rng = np.random.default_rng(3)
    predicted = rng.gamma(2, 30, 20_000) + 1_000
    label = 1_000 + 0.5 * (predicted - 1_000) + rng.normal(0, 5, 20_000)
    rows = pl.DataFrame({"score": predicted, "label": label})
    cells = lay_out_quality(rows, "regression")
    found = calibration(tally_quality(rows, "a", (), cells) + tally_quality(rows, "b", (), cells), cells)
    assert len(found) == 10
    assert sum(each.n for each in found) == 2 * rows.height
    for each in found:
        own = (predicted >= each.low) & (predicted < each.high)
        own |= (predicted == predicted.max()) & (each is found[-1])
        assert each.n == 2 * own.sum()
        assert each.predicted == pytest.approx(predicted[own].mean(), rel=1e-7)
        assert each.observed == pytest.approx(label[own].mean(), rel=1e-7)


def test_a_number_that_is_always_predicted_is_one_cell() -> None:
    rows = pl.DataFrame({"score": [3.0] * 20, "label": [1.0, 2.0] * 10})
    cells = lay_out_quality(rows, "regression")
    (found,) = calibration(tally_quality(rows, "", (), cells), cells)
    assert (found.n, found.predicted, found.observed) == (20, 3.0, 1.5)
