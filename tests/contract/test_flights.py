from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from batchops.contract import FAILED_RULES, compile_contract, evaluate
from schemas.flights import Flights

FLIGHTS = compile_contract(Flights)

GOOD: dict[str, Any] = {
    "carrier": "UA",
    "flight": 1545,
    "origin": "EWR",
    "dest": "IAH",
    "tailnum": "N14228",
    "sched_dep_time": 515,
    "sched_arr_time": 819,
    "sched_dep_minute": 315,
    "day_of_week": 2,
    "distance": 1400,
    "temp": 39.02,
    "dewp": 28.04,
    "humid": 64.43,
    "wind_dir": 260,
    "wind_speed": 12.65858,
    "wind_gust": None,
    "precip": 0.0,
    "pressure": 1011.9,
    "visib": 10.0,
    "plane_year": 1999,
    "seats": 149,
    "plane_type": "Fixed wing multi engine",
    "time_hour": dt.datetime(2013, 1, 1, 10, tzinfo=dt.UTC),
}


def failed(**changed: Any) -> tuple[set[str], bool]:
    """Rules that one flight fails, and whether it was set aside."""
    frame = pl.DataFrame([{**GOOD, **changed}], schema=FLIGHTS.schema)
    validation = evaluate(FLIGHTS, frame, {"key.unique": pl.Series([False])})
    return {id for id, tally in validation.tallies.rules.items() if tally.failed}, validation.accepted.is_empty()


def test_a_real_flight_obeys_every_rule() -> None:
    assert failed() == (set(), False)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"carrier": "ZZ"}, "carrier.isin"),
        ({"flight": 0}, "flight.in_range"),
        ({"origin": None}, "origin.not_null"),
        ({"dest": "EWR"}, "frame.leaves_its_origin"),
        ({"sched_dep_minute": 316}, "frame.departs_at_its_minute"),
        ({"sched_arr_time": 860}, "sched_arr_time.is_a_time_of_day"),
        ({"day_of_week": 8}, "day_of_week.in_range"),
        ({"distance": 17}, "distance.in_range"),
        ({"temp": 1e9}, "temp.in_range"),
        ({"dewp": 45.0}, "frame.dew_point_is_below_temperature"),
        ({"wind_speed": 1048.36}, "wind_speed.in_range"),
        ({"time_hour": dt.datetime(2013, 1, 1, 11, tzinfo=dt.UTC)}, "frame.hour_is_local"),
    ],
)
def test_what_cannot_be_is_set_aside(changed: dict[str, Any], rule: str) -> None:
    rules, aside = failed(**changed)
    assert rule in rules
    assert aside


@pytest.mark.parametrize(
    ("changed", "rules"),
    [
        ({"dest": "ABQ"}, {"dest.isin"}),
        ({"tailnum": "n?"}, {"tailnum.str_matches"}),
        ({"tailnum": None}, set()),
        ({"wind_gust": 66.7}, {"wind_gust.lt"}),
        ({"wind_gust": 3.0}, {"frame.gusts_exceed_the_wind"}),
        ({"temp": None, "dewp": None}, {"temp.not_null", "dewp.not_null"}),
        ({"plane_year": None, "seats": None, "plane_type": None}, {"plane_year.not_null", "seats.not_null"}),
        ({"plane_type": "Balloon"}, {"plane_type.isin"}),
        ({"carrier": "OO"}, set()),
    ],
)
def test_what_is_only_unusual_is_counted_and_scored(changed: dict[str, Any], rules: set[str]) -> None:
    assert failed(**changed) == (rules, False)


def test_the_contract_says_what_the_job_needs() -> None:
    assert FLIGHTS.key == ("carrier", "flight", "origin")
    assert len(FLIGHTS.features) == 19
    assert "sched_dep_time" not in FLIGHTS.features
    assert FLIGHTS.rows == (600, 1200)
    assert FLIGHTS.weekday_volume == 0.3
    assert FLIGHTS.pii == ()
    assert not FLIGHTS.needs_whole_partitions
    assert FLIGHTS.rule("distance.in_range").words == "distance is between 80 and 5 000 mi"


def test_no_rule_is_vacuous() -> None:
    """Each of the twenty rules and more has been seen to fail, above or here."""
    nothing = pl.DataFrame([dict.fromkeys(GOOD)], schema=FLIGHTS.schema)
    rules = evaluate(FLIGHTS, nothing, {"key.unique": pl.Series([True])}).quarantined[FAILED_RULES].item().to_list()
    assert {rule.id for rule in FLIGHTS.rules if rule.id.endswith((".not_null", "key.unique"))} == set(rules)
    wild = {name: -100 for name, dtype in FLIGHTS.schema.items() if dtype.is_numeric()}
    broken, _ = failed(**wild, carrier="?", origin="?", dest="?", tailnum="?", plane_type="?")
    assert {rule.id for rule in FLIGHTS.rules if rule.id.endswith((".in_range", ".isin", "_matches"))} <= broken
