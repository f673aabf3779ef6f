"""What a night of flights out of New York must look like, before any of it is scored.

One row is one scheduled departure. Only what is known before departure is here. Ranges are physical or administrative
limits, not what one season happened to hold: a season's usual values are drift's matter.
"""

from __future__ import annotations

from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

__all__ = ["Flights"]

CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
ORIGINS = ["EWR", "JFK", "LGA"]

# Where flights went in January to March 2013, which the model was trained on.
KNOWN_DESTINATIONS = (  # noqa: SIM905 - a list would take a line for each
    "ALB ATL AUS AVL BDL BGR BHM BNA BOS BQN BTV BUF BUR BWI BZN CAE CAK CHO CHS CLE CLT CMH CRW CVG DAY DCA DEN DFW "
    "DSM DTW EGE EYW FLL GRR GSO GSP HDN HNL HOU IAD IAH IND JAC JAX LAS LAX LGB MCI MCO MDW MEM MHT MIA MKE MSN MSP "
    "MSY MTJ MYR OAK OKC OMA ORD ORF PBI PDX PHL PHX PIT PSE PSP PVD PWM RDU RIC ROC RSW SAN SAT SAV SDF SEA SFO SJC "
    "SJU SLC SMF SNA SRQ STL STT SYR TPA TUL TYS XNA"
).split()

PLANE_TYPES = ["Fixed wing multi engine", "Fixed wing single engine", "Rotorcraft"]


def weather(unit: str = "", **rules: dict[str, Any]) -> dict[str, Any]:
    """Metadata of a column out of the hour's weather report; a station that falls silent is worth a warning."""
    silent = {"level": "warn", "warn": 0.25}
    return {"role": "feature", "unit": unit, "rules": {"not_null": silent, **rules}}


class Flights(pa.DataFrameModel):
    """A night of scheduled departures from Newark, Kennedy and La Guardia, with the weather of the hour."""

    carrier: str = pa.Field(isin=CARRIERS, metadata={"role": ("key", "feature")})
    flight: int = pa.Field(in_range=(1, 9999), metadata={"role": "key"})
    origin: str = pa.Field(isin=ORIGINS, metadata={"role": ("key", "feature")})
    dest: str = pa.Field(
        str_matches=r"[A-Z]{3}$",
        isin=KNOWN_DESTINATIONS,
        metadata={
            "role": "feature",
            "rules": {
                "str_matches": {"words": "dest is a three-letter airport code"},
                "isin": {
                    "level": "warn",
                    "words": f"dest is one of the {len(KNOWN_DESTINATIONS)} that were trained on",
                },
            },
        },
    )
    tailnum: str = pa.Field(
        nullable=True,
        str_matches=r"[A-Z0-9]{4,6}$",
        metadata={
            "role": "passthrough",
            "level": "warn",
            "rules": {"str_matches": {"words": "tailnum is a registration of four to six letters and digits"}},
        },
    )

    sched_dep_time: int = pa.Field(in_range=(0, 2359), metadata={"role": "passthrough"})
    sched_arr_time: int = pa.Field(in_range=(0, 2359), metadata={"role": "feature"})
    sched_dep_minute: int = pa.Field(in_range=(0, 1439), metadata={"role": "feature", "unit": "min"})
    day_of_week: int = pa.Field(in_range=(1, 7), metadata={"role": "feature"})
    distance: int = pa.Field(in_range=(80, 5000), metadata={"role": "feature", "unit": "mi"})

    temp: float = pa.Field(in_range=(-40, 130), metadata=weather("°F"))
    dewp: float = pa.Field(in_range=(-60, 100), metadata=weather("°F"))
    humid: float = pa.Field(in_range=(0, 100), metadata=weather("%"))
    wind_dir: int = pa.Field(in_range=(0, 360), metadata=weather("degrees", not_null={"level": "warn", "warn": 0.60}))
    # The National Weather Service warns of high wind from 40 mph, and from 58 mph in gusts.
    wind_speed: float = pa.Field(in_range=(0, 120), lt=40, metadata=weather("mph", lt={"level": "warn"}))
    wind_gust: float = pa.Field(
        nullable=True,
        in_range=(0, 200),
        lt=58,
        metadata={"role": "feature", "unit": "mph", "rules": {"lt": {"level": "warn"}}},
    )
    precip: float = pa.Field(in_range=(0, 5), metadata=weather("in"))
    pressure: float = pa.Field(nullable=True, in_range=(900, 1080), metadata={"role": "feature", "unit": "mb"})
    visib: float = pa.Field(in_range=(0, 10), metadata=weather("mi"))

    plane_year: int = pa.Field(
        in_range=(1950, 2030),
        metadata={"role": "feature", "rules": {"not_null": {"level": "warn", "warn": 0.40}}},
    )
    seats: int = pa.Field(
        in_range=(1, 900), metadata={"role": "feature", "rules": {"not_null": {"level": "warn", "warn": 0.40}}}
    )
    plane_type: str = pa.Field(nullable=True, isin=PLANE_TYPES, metadata={"role": "feature", "level": "warn"})
    time_hour: Annotated[pl.Datetime, "us", "UTC"] = pa.Field(metadata={"role": "passthrough"})

    @pa.dataframe_check(error="dest is another airport than origin")
    @classmethod
    def leaves_its_origin(cls, data: PolarsData) -> pl.LazyFrame:
        """A flight ends where it did not begin."""
        return data.lazyframe.select(pl.col("dest") != pl.col("origin"))

    @pa.dataframe_check(error="sched_dep_minute is sched_dep_time in minutes after midnight")
    @classmethod
    def departs_at_its_minute(cls, data: PolarsData) -> pl.LazyFrame:
        """HHMM and minutes say the same; minutes above 59 cannot."""
        time = pl.col("sched_dep_time")
        minute = time // 100 * 60 + time % 100
        return data.lazyframe.select((time % 100 < 60) & (pl.col("sched_dep_minute") == minute))

    @pa.check("sched_arr_time", error="sched_arr_time is a time of day, HHMM")
    @classmethod
    def is_a_time_of_day(cls, data: PolarsData) -> pl.LazyFrame:
        """There is no 12:60."""
        return data.lazyframe.select(pl.col(data.key) % 100 < 60)

    @pa.dataframe_check(error="time_hour is the local hour of sched_dep_time, in UTC")
    @classmethod
    def hour_is_local(cls, data: PolarsData) -> pl.LazyFrame:
        """The weather was joined by this hour: one zone off and every row has another hour's."""
        local = pl.col("time_hour").dt.convert_time_zone("America/New_York").dt.hour()
        return data.lazyframe.select(local.cast(pl.Int64) == pl.col("sched_dep_time") // 100)

    @pa.dataframe_check(error="dewp is at most temp")
    @classmethod
    def dew_point_is_below_temperature(cls, data: PolarsData) -> pl.LazyFrame:
        """Air cannot hold more water than it can; half a degree of rounding is allowed for."""
        return data.lazyframe.select(pl.col("dewp") <= pl.col("temp") + 0.5)

    @pa.dataframe_check(error="wind_gust is at least wind_speed")
    @classmethod
    def gusts_exceed_the_wind(cls, data: PolarsData) -> pl.LazyFrame:
        """A gust is a peak of the wind whose mean is wind_speed."""
        return data.lazyframe.select(pl.col("wind_gust") >= pl.col("wind_speed"))

    class Config:
        """The contract's own particulars."""

        metadata = {  # noqa: RUF012 - Pandera reads a plain class attribute
            "name": "Flights",
            "version": 1,
            "owner": "flight operations",
            "rows": (600, 1200),
            "weekday_volume": 0.30,
            # The last flights leave after ten in the evening; a delivery without the evening is not the night.
            "freshness": {"column": "time_hour", "hours": 6},
            "rules": {
                "gusts_exceed_the_wind": {"level": "warn"},
                "key.unique": {"level": "error"},
            },
        }
