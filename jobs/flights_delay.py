"""Will a flight out of New York arrive more than 15 minutes late? Asked every night, for the flights of that date."""

from __future__ import annotations

from typing import Any

import polars as pl

from batchops import Job, Labels, Limit, Policy, Source, Training
from schemas.flights import Flights

__all__ = ["JOB", "PART_OF_DAY", "WEATHER", "fit"]

MINUTE = pl.col("sched_dep_minute")

PART_OF_DAY = (
    pl.when(MINUTE.is_between(300, 539))
    .then(pl.lit("05-09 h"))
    .when(MINUTE.is_between(540, 719))
    .then(pl.lit("09-12 h"))
    .when(MINUTE.is_between(720, 959))
    .then(pl.lit("12-16 h"))
    .when(MINUTE.is_between(960, 1199))
    .then(pl.lit("16-20 h"))
    .otherwise(pl.lit("20-05 h"))
)
"""Delays build up over the day: 15 % of the first flights are late, 33 % of the last."""

WEATHER = (
    pl.when(pl.any_horizontal(pl.col("visib", "precip", "wind_speed").is_null()))
    .then(pl.lit("unknown"))
    .when(pl.col("visib") < 3)
    .then(pl.lit("low visibility"))
    .when(pl.col("precip") > 0)
    .then(pl.lit("rain or snow"))
    .when(pl.col("wind_speed") >= 20)
    .then(pl.lit("windy"))
    .otherwise(pl.lit("clear"))
)
"""The hour's weather at the origin, worst first. Below 3 miles pilots fly by instruments (miles, inches, mph)."""

DISCOVER = (
    "dest",
    "sched_dep_minute",
    "distance",
    "temp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
    "plane_year",
    "seats",
)
"""What a slice that nobody named may be made of. Carrier and origin are sliced by as it is; the day of the week is that
of a whole night, of which a window has four or five."""

SEASONAL = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "pressure")


def fit(matrix: Any, labels: Any, categorical: tuple[int, ...]) -> Any:
    """Boosted trees, small ones: out of fold by weeks, 15 leaves of 100 rows beat the default 31 of 20."""
    # Every command imports this file, and only training needs scikit-learn, which takes a second to import.
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=100,
        max_leaf_nodes=15,
        min_samples_leaf=100,
        categorical_features=list(categorical),
        early_stopping=False,
        random_state=2013,
    )
    return trees.fit(matrix, labels)


JOB = Job(
    name="flights_delay",
    title="Will this flight arrive more than 15 minutes late?",
    source=Source("var/data/flights/night={night}/*.parquet", expect=3),
    contract=Flights,
    key=("carrier", "flight", "origin"),
    model="flights_delay@champion",
    labels=Labels(
        source=Source("var/data/labels/night={night}/labels.parquet", expect=1),
        column="late",
        delay_days=1,
        never="cancelled and diverted flights",
    ),
    training=Training(fit=fit, first="2013-01-01", last="2013-03-31"),
    dimensions={"part_of_day": PART_OF_DAY, "weather": WEATHER},
    slices=(("carrier",), ("origin",), ("part_of_day",), ("weather",), ("carrier", "part_of_day")),
    discover=DISCOVER,
    passthrough=("dest", "sched_dep_time"),
    # Out of fold it flags 18 % of the flights, and 44 % of those are late: twice the base rate, few enough to act on.
    threshold=0.35,
    window=31,
    policy=Policy(
        {
            # A winter's model meets every summer: the weather moves with the seasons, so it is shown and never fails
            # by itself. Outcomes come a day later, and quality says whether it matters.
            **{f"drift.distance:{column}": Limit(warn=0.20) for column in SEASONAL},
            **{f"drift.outside_share:{column}": Limit(warn=0.05) for column in SEASONAL},
            **{f"drift.null_share:{column}": Limit(warn=0.05) for column in SEASONAL},
            # Up to 57 % of a night's flights were cancelled in a blizzard; they never get an outcome.
            "quality.coverage": Limit(warn=0.85),
            "slices.calibration_gap": Limit(fail=0.10),
        },
        # What a flight's score is used for is its size: a slice is wrong where observed and predicted part.
        primary="calibration_gap",
    ),
    timezone="America/New_York",
    edition="flights.html.j2",
)
