"""A small made-up project a task: which of several classes, how much; its model is trained in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from batchops.models import threads
from batchops.partition import Night
from batchops.train import train
from tests.project import Project

__all__ = ["KINDS", "NIGHTS", "TASKS", "TRAINING", "Shop", "make"]

TASKS = ("multiclass", "regression")
KINDS = ("boat", "car", "plane")
TRAINING = (Night.parse("2025-01-01"), Night.parse("2025-01-20"))
NIGHTS = tuple(Night.parse("2025-02-01").through(Night.parse("2025-02-04")))
ROWS = 150

SCHEMA = '''
import pandera.polars as pa


class Shop(pa.DataFrameModel):
    """One row a visit."""

    visit: int = pa.Field(ge=1, metadata={"role": "key"})
    city: str = pa.Field(isin=["Bonn", "Kiel"], metadata={"role": "feature"})
    pages: float = pa.Field(ge=0, le=100, metadata={"role": "feature"})
    minutes: float = pa.Field(ge=0, metadata={"role": "feature"})

    class Config:
        metadata = {"name": "Shop", "version": 1}
'''

JOB = """
from batchops import Job, Labels, Source, Training
from schemas.shop import Shop


def fit(features, labels, categorical):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return MODEL(max_iter=8, early_stopping=False, random_state=0).fit(features, labels)


JOB = Job(
    name="shop",
    source=Source("var/data/visits/night={night}/*.parquet"),
    contract=Shop,
    key=("visit",),
    model="shop@champion",
    labels=Labels(Source("var/data/labels/night={night}/*.parquet"), column="came"UNIT),
    training=Training(fit, first="2025-01-01", last="2025-01-20", folds=2),
    slices=(("city",),),
    discover=("pages", "minutes"),
    task="TASK",
)
"""


@dataclass(frozen=True, slots=True)
class Shop(Project):
    """The made-up project."""

    task: str
    name: ClassVar[str] = "shop"
    key: ClassVar[tuple[str, ...]] = ("visit",)
    source: ClassVar[str] = "visits"
    night: ClassVar[Night] = NIGHTS[0]

    def at(self, folder: Path) -> Shop:
        return Shop(folder, self.task)

    def file(self, kind: str, night: Night = NIGHTS[0]) -> Path:
        return self.folder / f"var/data/{kind}/night={night}/all.parquet"

    def cut(self, parts: int, night: Night) -> None:
        """The night's rows, shuffled, in so many files."""
        file = self.file("visits", night)
        rows = pl.read_parquet(file).sample(fraction=1, shuffle=True, seed=parts)
        file.unlink()
        for part in range(parts):
            rows.gather_every(parts, part).write_parquet(file.with_name(f"p{part}.parquet"))

    def spoil(self, night: Night) -> None:
        """Rows 0 to 3 of the first file have too many pages, its rows 3 and 4 and one of the last negative minutes."""

        def many(rows: pl.DataFrame) -> pl.DataFrame:
            row = pl.int_range(pl.len())
            pages = pl.when(row < 4).then(101.0).otherwise("pages")
            return rows.with_columns(pages=pages, minutes=pl.when(row.is_between(3, 4)).then(-1.0).otherwise("minutes"))

        first, *_, last = (file.stem for file in self.files(night))
        self.change(many, night, first)
        late = pl.when(pl.int_range(pl.len()) == 7).then(-1.0).otherwise("minutes")
        self.change(lambda rows: rows.with_columns(minutes=late), night, last)

    def relabel(self, **columns: Any) -> None:
        """Write the first night's labels anew."""
        pl.read_parquet(self.file("labels")).with_columns(**columns).write_parquet(self.file("labels"))


def make(folder: Path, task: str) -> Shop:
    """A project with its data and a trained model."""
    model = f"HistGradientBoosting{'Regressor' if task == 'regression' else 'Classifier'}"
    unit = ', unit="EUR"' if task == "regression" else ""
    job = JOB.replace("MODEL", model).replace("TASK", task).replace("UNIT", unit)
    for name, text in (("jobs", job), ("schemas", SCHEMA)):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
        (folder / name / "shop.py").write_text(text)
    made = Shop(folder, task)
    for number, night in enumerate((*TRAINING[0].through(TRAINING[1]), *NIGHTS)):
        for kind, rows in zip(("visits", "labels"), _night(number, task), strict=True):
            made.file(kind, night).parent.mkdir(parents=True)
            rows.write_parquet(made.file(kind, night))
    with threads(1):
        train(made.job, made.settings)
    return made


def _night(number: int, task: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    random = np.random.default_rng(number)
    pages, minutes = random.gamma(2, 5, ROWS).clip(0, 100), random.gamma(2, 3, ROWS)
    visit = np.arange(ROWS) + number * ROWS + 1
    city = random.choice(["Bonn", "Kiel"], ROWS)
    noise = random.normal(size=ROWS)
    came: Any = 3 + 0.5 * pages + noise
    if task == "binary":
        came = pages + 3 * noise > 10
    elif task == "multiclass":
        came = np.array(KINDS)[np.digitize(pages + 3 * noise, [6, 13])]
    rows = pl.DataFrame({"visit": visit, "city": city, "pages": pages, "minutes": minutes})
    return rows, pl.DataFrame({"visit": visit, "came": came})
