import math

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from batchops.stats import Cells, Column, Profile, Usual, Weekdays, compare, lay_out, merge_profiles, summarise, usual

Floats = NDArray[np.float64]


def world(rows: int = 60, nights: int = 12) -> tuple[pl.DataFrame, tuple[Cells, ...], list[Profile]]:
    rng = np.random.default_rng(5)
    shock = np.repeat(rng.normal(size=nights), rows)
    n = rows * nights
    frame = pl.DataFrame(
        {
            "n": shock + rng.normal(size=n),
            "h": np.clip(np.rint(3 * shock + rng.normal(size=n)), -8, 8) + 0.0,
            "c": rng.choice(["a", "b", "c"], n),
            "b": rng.random(n) < 0.5,
        }
    ).with_columns(n=pl.when(pl.Series(rng.random(n) < 0.8)).then(pl.col("n")))
    cells = lay_out(frame, frame.columns)
    return frame, cells, [summarise(part, cells) for part in frame.iter_slices(rows)]


def shocked(rng: np.random.Generator, nights: int, rows: int, memory: float = 0.0, spread: float = 0.3) -> list[Floats]:
    """Normal rows whose nights share a shock, of which the next night keeps a part."""
    shock, found = rng.normal(0, spread), []
    for fresh in rng.normal(0, spread * math.sqrt(1 - memory**2), nights):
        shock = memory * shock + fresh
        found.append(rng.normal(shock, 1, rows))
    return found


def counted(nights: list[Floats], reference: int) -> tuple[list[Column], Column, Cells]:
    """Nights in the cells of the first ``reference`` of them, and the sum of those."""
    frames = [pl.DataFrame({"x": rows}) for rows in nights]
    cells = lay_out(pl.concat(frames[:reference]), ["x"])
    profiles = [summarise(frame, cells) for frame in frames]
    return [each.columns["x"] for each in profiles], merge_profiles(profiles[:reference]).columns["x"], cells[0]


@pytest.mark.parametrize(("memory", "length"), [(0.0, 1), (0.0, 7), (0.7, 1), (0.7, 7)])
def test_windows_to_come_hardly_ever_lie_beyond_what_is_usual(memory: float, length: int) -> None:
    rng, beyond, figures = np.random.default_rng(length), 0, []
    for _ in range(40):
        nights, reference, cells = counted(shocked(rng, 100 + length, 100, memory), 60)
        figure = usual(nights[:60], reference, cells, length).value or 0.0
        window = merge_profiles([Profile({"x": night}) for night in nights[-length:]]).columns["x"]
        distance = compare(window, reference, cells).distance
        assert distance.chance is not None
        beyond += distance.chance(figure) <= 0.05
        figures.append(figure)
    assert beyond <= 1
    assert np.median(figures) < 0.7


def test_sampling_alone_makes_nothing_usual() -> None:
    rng = np.random.default_rng(0)
    nights, reference, cells = counted(shocked(rng, 90, 100, spread=0.0), 90)
    noise = compare(nights[0], reference, cells).noise
    assert noise is not None
    assert (usual(nights, reference, cells, 1).value or 0.0) < noise
    assert (usual(nights, reference, cells, 31).value or 0.0) < noise


def test_nights_that_remember_each_other_stray_further_together() -> None:
    found = []
    for memory in (0.0, 0.8):
        rng = np.random.default_rng(1)
        nights, reference, cells = counted(shocked(rng, 120, 50, memory), 120)
        found.append(usual(nights, reference, cells, 31).value or 0.0)
    assert found[1] > 1.5 * found[0]


def test_what_a_window_of_the_reference_proves_is_usual() -> None:
    rng = np.random.default_rng(0)
    nights = shocked(rng, 60, 200, spread=0.02)
    nights[20:23] = shocked(rng, 3, 200, spread=0.0)
    nights[20:23] = [rows + 2 for rows in nights[20:23]]
    columns, reference, cells = counted(nights, 60)
    rest = merge_profiles([Profile({"x": column}) for column in columns[:20] + columns[23:]]).columns["x"]
    window = merge_profiles([Profile({"x": column}) for column in columns[20:23]]).columns["x"]
    lower, figure = compare(window, rest, cells).distance.lower, usual(columns, reference, cells, 3).value
    assert lower is not None
    assert figure is not None
    assert lower - 0.05 < figure <= 1


def test_a_small_night_far_off_moves_nothing_and_nothing_exceeds_one() -> None:
    rng = np.random.default_rng(3)
    nights = shocked(rng, 60, 400, spread=0.1)
    plain = usual(*_with_length(counted(nights, 60)))
    small = usual(*_with_length(counted([*nights[:30], rng.normal(0.5, 1, 8), *nights[30:]], 61)))
    assert small.value == pytest.approx(plain.value, abs=0.02)
    wild = usual(*_with_length(counted(shocked(rng, 20, 50, spread=50.0), 20)))
    assert wild.value == 1


def _with_length(nights: tuple[list[Column], Column, Cells]) -> tuple[list[Column], Column, Cells, int]:
    return (*nights, 1)


def test_a_weekday_is_compared_with_its_like_where_there_are_eight() -> None:
    rng = np.random.default_rng(0)
    nights = [rng.normal(1.5 if night % 7 == 6 else 0.0, 1, 150) for night in range(70)]
    columns, reference, cells = counted(nights, 70)
    days = tuple(night % 7 for night in range(70))
    sunday, monday = (usual(columns, reference, cells, 1, Weekdays(days, judged)) for judged in (6, 0))
    assert (sunday.season, sunday.windows, sunday.enough) == ("weekday", 10, True)
    distance = compare(columns[6], reference, cells).distance.value
    assert distance is not None
    assert (sunday.value or 0.0) > distance - 0.1
    assert (monday.value or 1.0) < 0.5 * distance
    few = usual(columns[:40], reference, cells, 1, Weekdays(days[:40], 6))
    assert (few.season, few.windows) == ("all", 40)
    assert usual(columns, reference, cells, 7, Weekdays(days, 6)).season is None


def test_the_pattern_of_a_week_is_nothing_to_a_month() -> None:
    rng = np.random.default_rng(0)
    nights = [rng.normal(1.5 if night % 7 >= 5 else 0.0, 1, 100) for night in range(90)]
    columns, reference, cells = counted(nights, 90)
    assert (usual(columns, reference, cells, 31).value or 1.0) < 0.12
    assert (usual(columns, reference, cells, 1).value or 0.0) > 0.4


@pytest.mark.parametrize("column", ["n", "h", "c", "b"])
def test_every_kind_has_its_usual_distance_and_nulls(column: str) -> None:
    _, cells, nights = world(nights=30)
    (each,) = [each for each in cells if each.column == column]
    found = usual([night.columns[column] for night in nights], merge_profiles(nights).columns[column], each, 3)
    assert found.value is not None
    assert found.null_change is not None
    assert (0.3 < found.value <= 1) if column in "nh" else found.value < 0.2
    assert found.null_change < 0.1
    assert (found.windows, found.enough) == (10, True)


def test_values_that_one_window_alone_has_are_its_usual_unseen_share() -> None:
    frames = [pl.DataFrame({"c": ["a", "b"] * 10, "h": [1.0, 2.0] * 10})] * 9
    frames.append(pl.DataFrame({"c": ["a"] * 15 + ["z"] * 5, "h": [1.0] * 12 + [1.5] * 4 + [9.0] * 4}))
    cells = lay_out(pl.concat(frames), ["c", "h"])
    nights = [summarise(frame, cells) for frame in frames]
    total = merge_profiles(nights)
    found = {
        each.column: usual([night.columns[each.column] for night in nights], total.columns[each.column], each, 1)
        for each in cells
    }
    assert found["c"].unseen_change == 0.25
    assert found["h"].unseen_change == 0.2
    assert found["h"].outside_change == 0.2
    assert found["c"].outside_change is None


def test_rows_beyond_all_other_nights_are_counted_by_cell() -> None:
    rng = np.random.default_rng(0)
    frames = [pl.DataFrame({"x": rng.uniform(0, 1, 500)}) for _ in range(20)]
    frames[7] = pl.DataFrame({"x": rng.uniform(-0.5, 1.25, 500)})
    (cells,) = lay_out(pl.concat(frames), ["x"])
    nights = [summarise(frame, (cells,)).columns["x"] for frame in frames]
    total = merge_profiles([summarise(pl.concat(frames), (cells,))]).columns["x"]
    rest = pl.concat([*frames[:7], *frames[8:]])["x"]
    exact = 1 - frames[7]["x"].is_between(rest.min(), rest.max()).mean()  # type: ignore[operator]
    assert usual(nights, total, cells, 1).outside_change == pytest.approx(exact, abs=0.02)


def test_a_reference_shorter_than_the_window_cannot_say() -> None:
    _, cells, nights = world(nights=3)
    parts = [night.columns["n"] for night in nights]
    total = merge_profiles(nights).columns["n"]
    assert usual(parts, total, cells[0], 3) == Usual(windows=1)
    assert usual([], total, cells[0], 1) == Usual()


def test_a_column_without_any_value_has_no_usual_distance() -> None:
    frames = [pl.DataFrame({"x": pl.Series([None] * 5, dtype=pl.Float64)})] * 10
    (cells,) = lay_out(pl.concat(frames), ["x"])
    nights = [summarise(frame, (cells,)).columns["x"] for frame in frames]
    found = usual(nights, summarise(pl.concat(frames), (cells,)).columns["x"], cells, 1)
    assert (found.value, found.distances, found.windows, found.null_change) == (None, None, 10, 0.0)


@pytest.mark.parametrize(("memory", "length"), [(0.0, 7), (0.7, 7), (0.7, 31)])
def test_the_chance_of_a_window_is_kept_and_falls_with_its_distance(memory: float, length: int) -> None:
    rng, small = np.random.default_rng(length), 0
    for _ in range(60):
        nights, reference, cells = counted(shocked(rng, 120 + length, 100, memory), 90)
        found = usual(nights[:90], reference, cells, length).distances
        assert found is not None
        window = merge_profiles([Profile({"x": night}) for night in nights[-length:]]).columns["x"]
        value = compare(window, reference, cells).distance.value
        assert value is not None
        # The distance holds the sampling of its rows too, which is judged apart.
        small += found.chance(value - 1.36 / math.sqrt(100 * length)) <= 0.02
        assert found.chance(found.reach) <= 1 / 1_000 or found.reach in (1.0, found.proved)
        chances = [found.chance(far) for far in (0.0, 0.05, 0.1, 0.3, 0.9)]
        assert chances == sorted(chances, reverse=True)
    assert small <= 4


def test_nights_of_which_a_few_are_far_off_have_heavier_tails() -> None:
    rng = np.random.default_rng(4)
    found = []
    for share in (0.05 + rng.normal(0, 0.01, 90), np.where(rng.random(90) < 0.08, 0.15, 0.01)):
        nulls = [np.where(rng.random(1_000) < each, np.nan, 1.0) for each in share]
        nights, reference, cells = counted([np.where(np.isnan(x), np.nan, rng.normal(size=1_000)) for x in nulls], 90)
        nulls_of = [usual(nights, reference, cells, length).nulls for length in (1, 31)]
        found.append([each.freedom for each in nulls_of if each is not None])
    even, uneven = found
    assert uneven[0] < 8 < even[0]
    assert uneven[0] < uneven[1]
