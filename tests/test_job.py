from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batchops import codec
from batchops.errors import JobError
from batchops.job import DISCOVERED, Job, Labels, _described, load_job, problems
from batchops.partition import Source
from batchops.stats.discovery.features import MOST
from batchops.verdict import Policy
from tests.flights import NAME, Flights


def test_threads_that_ask_at_once_get_one_job(flights: Flights) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            flights.forget()
            with ThreadPoolExecutor(8) as pool:
                jobs = list(pool.map(lambda _: load_job(NAME, flights.folder), range(16)))
            assert {id(each.job) for each in jobs} == {id(jobs[0].job)}
    finally:
        sys.setswitchinterval(before)


def test_two_projects_in_one_process_have_each_its_own_job(flights: Flights, tmp_path: Path) -> None:
    other = flights.copy(tmp_path / "other")
    other.edit(f"jobs/{NAME}.py", ("window=31", "window=7"))
    for _ in range(2):
        assert flights.job.job.window == 31
        assert other.job.job.window == 7


def test_a_job_that_searches_nothing_keeps_the_digest_it_had() -> None:
    """Written down before there was a search: a night published then is up to date now."""
    job = Job(
        name="visits",
        source=Source("data/{night}.parquet"),
        contract=None,
        key=("visit",),
        model="visits@champion",
        labels=Labels(Source("labels/{night}.parquet"), "bought"),
        dimensions={"long": pl.col("minutes") > 5},
        slices=(("long",),),
        passthrough=("country",),
    )
    before = "7c50cdc3b014c863e7cffaa1222476a18a88a5cdf0a97e2daee051b07472d5bb"
    assert codec.digest(_described(job)) == before
    assert codec.digest(_described(replace(job, discover=("country",)))) != before


def test_at_most_as_many_columns_are_searched_as_can_be_counted() -> None:
    assert DISCOVERED == MOST


@pytest.mark.parametrize(
    ("discover", "expected"),
    [
        (("carrier", "distance"), []),
        (("carier",), ["'carier', which is no feature"]),
        (("tailnum",), ["'tailnum', which is no feature"]),
        (("part_of_day", "seats"), ["'part_of_day', which is a dimension too"]),
        (("loss",), ["'loss', which means the row's own loss"]),
        (tuple(f"x{number}" for number in range(17)), ["names 17 columns", *["no feature"] * 17]),
    ],
)
def test_what_is_searched_is_a_feature_and_there_are_not_too_many(
    flights: Flights, discover: tuple[str, ...], expected: list[str]
) -> None:
    wrong = problems(replace(flights.job.job, discover=discover), flights.job.contract)
    assert len(wrong) == len(expected)
    for (what, remedy), words in zip(wrong, expected, strict=True):
        assert words in what
        assert remedy


def test_no_personal_data_is_searched(flights: Flights) -> None:
    contract = flights.job.contract
    hidden = tuple(replace(each, pii=each.name == "plane_year") for each in contract.columns)
    ((what, _),) = problems(flights.job.job, replace(contract, columns=hidden))
    assert what == "discover names 'plane_year', which is personal data"


def test_a_metric_that_no_slice_is_compared_on_is_refused_when_the_job_loads(flights: Flights) -> None:
    for metric in (None, "error_rate"):
        assert problems(replace(flights.job.job, policy=Policy(primary=metric)), flights.job.contract) == ()
    flights.edit(f"jobs/{NAME}.py", ('primary="calibration_gap"', 'primary="eror_rate"'))
    flights.forget()
    with pytest.raises(JobError, match=r"'eror_rate'.*Did you mean error_rate"):
        load_job(NAME, flights.folder)


def test_an_entity_is_a_column_of_the_contract_and_only_then_part_of_the_digest(flights: Flights) -> None:
    job, contract = flights.job.job, flights.job.contract
    assert problems(replace(job, entity="dest"), contract) == ()
    ((what, remedy),) = problems(replace(job, entity="dset"), contract)
    assert "entity names 'dset'" in what
    assert "dest" in remedy
    assert "entity" not in _described(job)
    assert _described(replace(job, entity="dest"))["entity"] == "dest"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task": "regression"}, ["the threshold 0.35 decides nothing where the task is 'regression'"]),
        ({"task": "multiclass", "threshold": 0.5}, []),
        ({"task": "multiclas", "threshold": 0.5}, ["the task 'multiclas' is none"]),
        (
            {"passthrough": ("score",)},
            ["'score' is what a job's table", "names 'score', which the contract does not have"],
        ),
    ],
)
def test_a_task_is_one_of_three_and_leaves_the_tables_own_columns_alone(
    flights: Flights, changes: dict[str, Any], expected: list[str]
) -> None:
    job = replace(flights.job.job, policy=Policy())
    wrong = problems(replace(job, **changes), flights.job.contract)
    assert len(wrong) == len(expected)
    for (what, remedy), words in zip(wrong, expected, strict=True):
        assert words in what
        assert remedy


def test_a_unit_is_part_of_what_a_job_says() -> None:
    labels = Labels(Source("labels/{night}.parquet"), "minutes")
    job = Job("late", Source("data/{night}.parquet"), None, ("flight",), "late@champion", labels, task="regression")
    inches = replace(job, labels=replace(labels, unit="min"))
    assert codec.digest(_described(job)) != codec.digest(_described(inches))
