"""The flights job without its bounds of a usual night: copied beside it into the benchmark's own project."""

from __future__ import annotations

from dataclasses import replace

import pandera.polars as pa

from jobs.flights_delay import JOB as FLIGHTS
from schemas.flights import Flights

__all__ = ["JOB"]


class ManyFlights(Flights):
    """Millions of flights in one night: copies, told apart by their number."""

    copy: int = pa.Field(ge=0, metadata={"role": "key"})

    class Config:
        """The flights' particulars, but for the number of rows."""

        metadata = {  # noqa: RUF012 - Pandera reads a plain class attribute
            **Flights.Config.metadata,
            "name": "ManyFlights",
            "rows": (1, None),
            "weekday_volume": None,
        }


JOB = replace(
    FLIGHTS,
    name="flights_night",
    source=replace(FLIGHTS.source, expect=None),
    contract=ManyFlights,
    key=(*FLIGHTS.key, "copy"),
    edition=None,
)
