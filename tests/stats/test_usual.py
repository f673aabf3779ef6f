import numpy as np
import polars as pl
import pytest

from batchops.stats import Cells, Profile, Usual, compare, lay_out, merge_profiles, summarise, usual


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


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("column", ["n", "h", "c", "b"])
def test_the_usual_distance_is_the_largest_of_every_window_against_the_rest(column: str, length: int) -> None:
    _, cells, nights = world()
    (each,) = [each for each in cells if each.column == column]
    parts = [night.columns[column] for night in nights]
    distances, changes = [], []
    for start in range(len(nights) - length + 1):
        now = merge_profiles(nights[start : start + length]).columns[column]
        rest = merge_profiles([*nights[:start], *nights[start + length :]]).columns[column]
        distances.append(compare(now, rest, each).distance.value or 0.0)
        changes.append(abs(now.missing / now.present - rest.missing / rest.present))
    found = usual(parts, merge_profiles(nights).columns[column], each, length)
    assert found.value == pytest.approx(max(distances))
    assert found.null_change == pytest.approx(max(changes))
    assert (found.windows, found.enough) == (12 // length, length == 1)


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


def test_a_night_of_few_rows_does_not_say_what_is_usual() -> None:
    frame, cells, nights = world()
    few = frame.filter(pl.col("n") > 2).head(5)
    parts = [night.columns["n"] for night in [*nights, summarise(few, cells)]]
    total = summarise(pl.concat([frame, few]), cells).columns["n"]
    assert (usual(parts, total, cells[0], 1).value or 0) < 0.9
    assert (compare(parts[-1], total, cells[0]).distance.value or 0) > 0.9


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
    assert found == Usual(windows=10, null_change=0.0)
