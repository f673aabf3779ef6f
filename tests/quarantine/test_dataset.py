"""Rows that were set aside, before what only the night, other nights and other datasets know."""

from __future__ import annotations

import polars as pl
import pytest

from batchops.errors import GateError
from batchops.store import read_scores
from tests.flights import NAME, NIGHT, NIGHTS, Flights, rows_in
from tests.quarantine.held import CONTRACT, put_back

AIRPORTS, OVER_NIGHTS = "dest.in_airports", "key.unique_over_nights"
VOLUME = '"weekday_volume": 0.30,'
REFERENCE = '"references": {"airports": {"columns": "dest", "in": "var/data/airports.parquet", "key": "faa"}},'


def write_airports(flights: Flights, *without: str) -> None:
    known = flights.rows().select(pl.col("dest").unique().sort().alias("faa"))
    known.filter(~pl.col("faa").is_in(without)).write_parquet(flights.folder / "var/data/airports.parquet")


def test_rows_are_released_once_the_dataset_that_they_refer_to_has_come(flights: Flights) -> None:
    flights.edit(CONTRACT, (VOLUME, f"{VOLUME} {REFERENCE}"))
    write_airports(flights, "SFO", "BOS")
    aside = rows_in(flights.run())[2]
    assert aside > 2
    assert put_back(flights, dry_run=True).still == {AIRPORTS: aside}
    (flights.folder / "var/data/airports.parquet").unlink()
    assert put_back(flights, dry_run=True).still == {AIRPORTS: aside}
    with pytest.raises(GateError, match=r"would be withheld: input\.unreadable:reference airports"):
        put_back(flights, waived=(AIRPORTS,))
    write_airports(flights, "BOS")
    some = put_back(flights)
    assert 0 < some.released < aside
    assert some.still == {AIRPORTS: aside - some.released}
    write_airports(flights)
    rest = put_back(flights)
    assert some.released + rest.released == aside
    assert rows_in(rest.outcome)[2] == 0
    assert rest.outcome.document is not None
    assert [rule.failed for rule in rest.outcome.document.rules if rule.id == AIRPORTS] == [0]


def test_a_key_of_an_earlier_night_keeps_a_row_aside(flights: Flights) -> None:
    before = NIGHTS[NIGHTS.index(NIGHT) - 1]
    flights.run(before)
    flights.edit(CONTRACT, (VOLUME, f'{VOLUME} "unique_over": 2,'), ('"version": 1,', '"version": 2,'))
    flights.change(lambda rows: rows.with_columns(flight=pl.int_range(pl.len()) + 7000))
    earlier = read_scores(flights.store, NAME, before).filter(origin="EWR").row(0, named=True)
    key = [pl.lit(earlier[name]).alias(name) for name in ("carrier", "flight")]
    row = pl.int_range(pl.len())
    flights.change(
        lambda rows: rows.with_columns(
            *(
                pl.when(row == 0).then(value).otherwise(value.meta.output_name()).alias(value.meta.output_name())
                for value in key
            ),
            distance=pl.when(row < 2).then(17).otherwise("distance"),
        ),
        name="EWR",
    )
    assert rows_in(flights.run())[2] == 2
    found = put_back(flights, waived=("distance.in_range",))
    assert (found.released, found.still) == (1, {OVER_NIGHTS: 1})
    assert put_back(flights, waived=("distance.in_range", OVER_NIGHTS)).released == 1
