from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from batchops.job import load_job
from batchops.models import Asked, Encoding, encode, out_of_fold, threads, week_folds
from batchops.verdict import DEFAULT_LIMITS
from jobs.flights_data import data_folder, read_flights
from jobs.flights_delay import JOB, PART_OF_DAY, WEATHER, fit

PROJECT = Path(__file__).parents[2]
FEATURES = load_job("flights_delay", PROJECT).contract.features
CATEGORIES = ("carrier", "origin", "dest", "plane_type")


@pytest.fixture(scope="module")
def arrived() -> pl.DataFrame:
    flights = read_flights(data_folder()).filter(pl.col("arr_delay").is_not_null())
    return flights.with_columns(late=(pl.col("arr_delay") > 15).cast(pl.Int8))


@pytest.fixture(scope="module")
def training(arrived: pl.DataFrame) -> pl.DataFrame:
    return arrived.filter(pl.col("night").is_between(dt.date(2013, 1, 1), dt.date(2013, 3, 31)))


def test_the_job_can_be_run_as_written() -> None:
    loaded = load_job("flights_delay", PROJECT)
    assert loaded.job.title == "Will this flight arrive more than 15 minutes late?"
    assert len(FEATURES) == 19
    assert not {"flight", "tailnum", "time_hour", "sched_dep_time"} & set(FEATURES)


def test_parts_of_the_day_cover_every_minute_in_order() -> None:
    day = pl.DataFrame({"sched_dep_minute": range(1440)}).with_columns(part=PART_OF_DAY)
    assert day["part"].null_count() == 0
    edges = {0: "20-05 h", 299: "20-05 h", 300: "05-09 h", 539: "05-09 h", 540: "09-12 h", 720: "12-16 h"}
    edges |= {959: "12-16 h", 960: "16-20 h", 1199: "16-20 h", 1200: "20-05 h", 1439: "20-05 h"}
    assert {minute: day["part"][minute] for minute in edges} == edges


@pytest.mark.parametrize(
    ("visib", "precip", "wind_speed", "weather"),
    [
        (10.0, 0.0, 5.0, "clear"),
        (10.0, 0.0, 20.0, "windy"),
        (10.0, 0.01, 25.0, "rain or snow"),
        (2.5, 0.3, 25.0, "low visibility"),
        (None, 0.0, 5.0, "unknown"),
        (10.0, None, 5.0, "unknown"),
        (10.0, 0.0, None, "unknown"),
    ],
)
def test_the_weather_is_called_by_its_worst(
    visib: float | None, precip: float | None, wind_speed: float | None, weather: str
) -> None:
    schema = dict.fromkeys(("visib", "precip", "wind_speed"), pl.Float64)
    hour = pl.DataFrame([(visib, precip, wind_speed)], schema=schema, orient="row")
    assert hour.select(WEATHER.alias("weather")).item() == weather


def test_drift_of_the_season_is_shown_and_never_fails() -> None:
    summer = JOB.policy.limit("drift.outside_share", "temp")
    assert (summer.shown, summer.fail) == (DEFAULT_LIMITS["drift.outside_share"].warn, None)
    assert JOB.policy.limit("drift.outside_share", "distance") == DEFAULT_LIMITS["drift.outside_share"]


@pytest.mark.slow
def test_whole_weeks_tell_what_the_model_will_get_and_random_rows_flatter_it(
    arrived: pl.DataFrame, training: pl.DataFrame
) -> None:
    encoding = Encoding.of(training, FEATURES, CATEGORIES)
    matrix, late = encode(training, encoding), training["late"].to_list()
    fold_of = week_folds(training["night"].cast(pl.String), 5)
    weeks = [fold_of[night] for night in training["night"].cast(pl.String)]
    summer = arrived.filter(pl.col("night").dt.month().is_in([6, 7]))
    with threads(1):
        by_week = roc_auc_score(late, out_of_fold(fit, matrix, late, weeks, (encoding.categorical, Asked())))
        rows = [row * 7919 % 5 for row in range(len(training))]
        by_row = roc_auc_score(late, out_of_fold(fit, matrix, late, rows, (encoding.categorical, Asked())))
        after = fit(matrix, late, encoding.categorical).predict_proba(encode(summer, encoding))[:, 1]
    assert 0.66 < by_week < 0.71
    assert by_row > by_week + 0.04
    assert 0.63 < roc_auc_score(summer["late"].to_list(), after) < by_row
