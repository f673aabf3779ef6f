import math

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from batchops.stats import Quality, SliceGap, lay_out_scores, merge_qualities, slice_gaps, tally_quality
from batchops.stats.intervals import two_sided

CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 5, 20_000)))
GROUPS = 40


def nights(
    rng: np.random.Generator, count: int, shock: float = 0.0, wrong: float = 0.0, rows: int = 2_000
) -> pl.DataFrame:
    """Nights with 40 groups; the first four have ``wrong`` more positives than their scores say, others what they say.

    Every group and night has a shock of its own.
    """
    frames = []
    for night in range(count):
        group = rng.integers(0, GROUPS, rows)
        score = rng.beta(2, 5, rows)
        chance = score + rng.normal(0, shock, GROUPS)[group] + wrong * (group < 4)
        frames.append(
            pl.DataFrame(
                {
                    "night": [f"{night:03}"] * rows,
                    "score": score,
                    "label": rng.random(rows) < chance,
                    "group": [f"g{each:02}" for each in group],
                    "half": np.where(group < GROUPS / 2, "low", "high"),
                }
            )
        )
    return pl.concat(frames)


def counted(frame: pl.DataFrame) -> Quality:
    return merge_qualities(
        [
            tally_quality(part, str(name), (("group",), ("half",)), CELLS)
            for (name,), part in frame.partition_by("night", as_dict=True).items()
        ]
    )


def of(found: tuple[SliceGap, ...], value: str) -> SliceGap:
    (each,) = [each for each in found if each.key[-1][1] == value]
    return each


def bounds(lower: float | None, upper: float | None) -> tuple[float, float]:
    assert lower is not None
    assert upper is not None
    return lower, upper


def test_a_slice_is_what_its_rows_say() -> None:
    frame = nights(np.random.default_rng(1), 10)
    found = slice_gaps(counted(frame), CELLS)
    assert (found.tested, len(found.slices)) == (42, 42)
    held = frame.filter(pl.col("group") == "g07")
    rest = frame.filter(pl.col("group") != "g07")
    each = of(found.slices, "g07")
    gap = held["label"].mean() - held["score"].mean()  # type: ignore[operator]
    assert (each.n, each.gap.nights) == (held.height, 10)
    assert each.observed == pytest.approx(held["label"].mean())
    assert each.predicted == pytest.approx(held["score"].mean(), abs=1e-9)
    assert each.gap.value == pytest.approx(gap, abs=1e-9)
    assert each.rest.value == pytest.approx(gap - (rest["label"].mean() - rest["score"].mean()), abs=1e-9)  # type: ignore[operator]
    exact = roc_auc_score(held["label"], held["score"])
    assert each.roc_auc.value == pytest.approx(exact, abs=each.roc_auc.error)
    assert each.roc_auc.error < 0.01
    assert each.missed == held.filter(pl.col("label") & (pl.col("score") < 0.5)).height


def test_a_slice_and_its_complement_tell_the_same() -> None:
    found = slice_gaps(counted(nights(np.random.default_rng(2), 12)), CELLS).slices
    low, high = of(found, "low").rest, of(found, "high").rest
    assert low.value == pytest.approx(-(high.value or 0))
    assert low.lower == pytest.approx(-(high.upper or 0))


def test_corrected_intervals_are_those_of_benjamini_and_yekutieli() -> None:
    found = slice_gaps(counted(nights(np.random.default_rng(3), 20, wrong=0.15)), CELLS, limit=0.03)
    chances = []
    for each in found.slices:
        lower, upper = bounds(each.gap.lower, each.gap.upper)
        error = (upper - lower) / 2 / two_sided(0.95, 19)
        value = abs(each.gap.value or 0)
        # The chance under the nearest gap that is within the limit.
        chances.append(_student((value - 0.03) / error, 19) + _student((value + 0.03) / error, 19))
    selected = multipletests(chances, alpha=0.05, method="fdr_bh")[0]
    assert found.selected == selected.sum() >= 4
    level = 1 - 0.05 * found.selected / found.tested
    for each, is_selected in zip(found.slices, selected, strict=True):
        lower, upper = bounds(each.lower_corrected, each.upper_corrected)
        plain = bounds(each.gap.lower, each.gap.upper)
        ratio = two_sided(level, 19) / two_sided(0.95, 19)
        assert (upper - lower) / (plain[1] - plain[0]) == pytest.approx(ratio)
        assert is_selected == (lower > 0.03 or upper < -0.03)


def _student(value: float, freedom: float) -> float:
    return float(stats.t.sf(value, freedom))


def test_nights_that_differ_raise_no_slice_and_a_wrong_slice_is_found() -> None:
    rng = np.random.default_rng(4)
    false, by_row, right = 0, 0, 0
    for _ in range(10):
        calm = counted(nights(rng, 20, shock=0.08))
        for quality in (calm, Quality({"all": calm.total()})):
            beyond = sum(
                bounds(each.lower_corrected, each.upper_corrected)[0] > 0
                or bounds(each.lower_corrected, each.upper_corrected)[1] < 0
                for each in slice_gaps(quality, CELLS).slices
            )
            if quality is calm:
                false += beyond > 0
            else:
                by_row += beyond > 0
        wrong = slice_gaps(counted(nights(rng, 20, shock=0.08, wrong=0.2)), CELLS, limit=0.1)
        right += sum(bounds(of(wrong.slices, f"g0{each}").lower_corrected, 1.0)[0] > 0.1 for each in range(4))
    assert false <= 2
    assert by_row > false
    assert right >= 28


def test_slices_below_the_support_are_listed_and_not_tested() -> None:
    frame = nights(np.random.default_rng(5), 9)
    few = pl.DataFrame(
        {"night": ["000"] * 49, "score": [0.1] * 49, "label": [True] * 49, "group": ["few"] * 49, "half": ["low"] * 49}
    )
    found = slice_gaps(counted(pl.concat([frame, few])), CELLS)
    each = of(found.slices, "few")
    assert (found.support, found.tested) == (50, 42)
    assert (each.n, each.supported, each.observed) == (49, False, 1.0)
    assert each.gap.value is each.lower_corrected is each.rest.value is None


def test_without_labels_slices_have_rows_and_mean_scores() -> None:
    found = slice_gaps(counted(nights(np.random.default_rng(6), 2).drop("label")), CELLS)
    each = of(found.slices, "low")
    assert (found.tested, each.observed, each.gap.value, each.supported) == (0, None, None, True)
    assert each.predicted == pytest.approx(2 / 7, abs=0.02)
    assert slice_gaps(Quality(), CELLS).slices == ()


def test_a_slice_of_all_rows_has_no_rest_and_few_nights_say_that_rows_are_taken_as_independent() -> None:
    frame = nights(np.random.default_rng(7), 3).with_columns(half=pl.lit("all"))
    found = slice_gaps(counted(frame), CELLS, design=4.0).slices
    narrow = slice_gaps(counted(frame), CELLS).slices
    assert of(found, "all").rest.value is None
    assert of(found, "g01").gap.rows_independent
    wide, small = (bounds(of(each, "g01").gap.lower, of(each, "g01").gap.upper) for each in (found, narrow))
    assert wide[1] - wide[0] == pytest.approx(2 * (small[1] - small[0]))
    assert all(math.isfinite(each.gap.lower or 0) for each in found)
