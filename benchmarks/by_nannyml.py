"""NannyML 0.13 on two parquet files, exactly as its documentation says; needs its own environment and nothing of ours.

``python benchmarks/by_nannyml.py report REFERENCE CURRENT --out FOLDER``: drift of every column and its pages.
``python benchmarks/by_nannyml.py alarms REFERENCE NIGHT...``: a line of JSON a night: how many columns alert. A night
is one chunk, as with its ``chunk_period="D"``, and the reference is cut in chunks of as many rows.
``python benchmarks/by_nannyml.py figures REFERENCE CURRENT``: each column by each method, for tests/stats/parity, with
the value of each of its ten chunks.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

os.environ.setdefault("NML_DISABLE_USAGE_LOGGING", "1")  # else it reports each call to its makers

import nannyml as nml

__all__ = ["alarms", "figures", "main", "report"]

CONTINUOUS = ("jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger")
CATEGORICAL = ("jensen_shannon", "chi2", "l_infinity", "hellinger")

Line = dict[str, Any]


def report(reference: Path, current: Path, folder: Path, columns: Sequence[str]) -> Line:
    """Read both files, compare all columns, draw drift and distributions, and say what was found."""
    started = time.perf_counter()
    was, now = (pd.read_parquet(path, columns=list(columns) or None) for path in (reference, current))
    read = time.perf_counter()
    found = nml.UnivariateDriftCalculator(column_names=list(now.columns)).fit(was).calculate(now)
    compared = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    pages, undrawn = list[Path](), 0
    for kind in ("drift", "distribution"):
        for column in _names(found):
            page = folder / f"{kind}-{column}.html"
            try:
                found.filter(column_names=[column]).plot(kind=kind).write_html(str(page))
            except ValueError:  # a chunk without a value has no distribution that it can draw
                undrawn += 1
            else:
                pages.append(page)
    done = time.perf_counter()
    seconds = {"read": read - started, "compare": compared - read, "page": done - compared}
    size = sum(page.stat().st_size for page in pages)
    drawn = {"page": str(folder), "bytes": size, "undrawn": undrawn}
    return {**_counted(found), "rows": len(now), "seconds": seconds, **drawn}


def _names(found: Any) -> list[str]:
    return [*found.continuous_column_names, *found.categorical_column_names]


def _counted(found: Any) -> Line:
    """How many columns alert in any chunk; it says nothing of the whole dataset."""
    rows = found.filter(period="analysis").to_df()
    names = _names(found)
    drifted = sum(bool(rows[name, "jensen_shannon", "alert"].fillna(False).any()) for name in names)
    return {"columns": len(names), "drifted": drifted, "share": drifted / len(names), "dataset": None}


def alarms(reference: Path, nights: Sequence[Path]) -> Iterator[Line]:
    """One line a night; a night that it cannot compare has an error instead of counts."""
    was = pd.read_parquet(reference)
    fitted: dict[int, Any] = {}
    for night in nights:
        now = pd.read_parquet(night)
        try:
            if len(now) not in fitted:
                calculator = nml.UnivariateDriftCalculator(column_names=list(was.columns), chunk_size=len(now))
                fitted[len(now)] = calculator.fit(was)
            counted = _counted(fitted[len(now)].calculate(now))
        except Exception as error:  # noqa: BLE001 whatever it raises is what it says of the night
            counted = {"error": f"{type(error).__name__}: {error}"}
        yield {"night": night.name, **counted}


def figures(reference: Path, current: Path, rows: int | None) -> Iterator[Line]:
    """Every column by every method that its kind has; one column at a time, since one that fails stops all."""
    was, now = pd.read_parquet(reference), pd.read_parquet(current)
    for column in now.columns:
        for method in dict.fromkeys((*CONTINUOUS, *CATEGORICAL)):
            line = _figure(was[[column]], now[[column]], method, rows)
            if line is not None:
                yield line


def _figure(was: pd.DataFrame, now: pd.DataFrame, method: str, rows: int | None) -> Line | None:
    (column,) = now.columns
    calculator = nml.UnivariateDriftCalculator(
        column_names=[column],
        chunk_size=rows,
        continuous_methods=[method] if method in CONTINUOUS else None,
        categorical_methods=[method] if method in CATEGORICAL else None,
    )
    try:
        found = calculator.fit(was).calculate(now)
    except Exception as error:  # noqa: BLE001 whatever it raises is what it says of the column
        return {"column": column, "measure": method, "error": f"{type(error).__name__}: {error}"}
    table = found.filter(period="analysis").to_df()
    if (column, method, "value") not in table.columns:
        return None
    values = [float(value) if math.isfinite(value) else None for value in table[column, method, "value"]]
    threshold = table[column, method, "upper_threshold"].iloc[0]
    return {
        "column": column,
        "measure": method,
        "chunks": values,
        "alerts": [bool(each) for each in table[column, method, "alert"].fillna(False)],
        "threshold": float(threshold) if threshold is not None and math.isfinite(threshold) else None,
    }


def provenance(tool: str) -> Line:
    """The tool, its version and those it was run with, the command and the day."""
    versions = {name: version(name) for name in ("nannyml", "pandas", "numpy", "scipy")}
    command = " ".join(["python", "benchmarks/by_nannyml.py", *(Path(each).name for each in sys.argv[1:])])
    return {
        "tool": tool,
        "version": versions["nannyml"],
        "with": versions,
        "command": command,
        "date": str(dt.date.today()),
    }


def written(tool: str, lines: Iterable[Line]) -> str:
    """One JSON object, a figure a line."""
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in provenance(tool).items())
    return "{\n" + head + ',\n"figures": [\n' + ",\n".join(json.dumps(line) for line in lines) + "\n]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line of JSON for each thing asked for, the version first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("mode", choices=["report", "alarms", "figures"])
    parser.add_argument("reference", type=Path)
    parser.add_argument("current", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("var/nannyml"), help="folder of the pages (%(default)s)")
    parser.add_argument("--columns", nargs="*", default=[], help="columns of the report; all of the file's else")
    parser.add_argument("--chunk-size", type=int, help="rows of a chunk, for figures; a tenth of each side else")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    if asked.mode == "figures":
        print(written("nannyml", figures(asked.reference, asked.current[0], asked.chunk_size)))
        return 0
    lines: Iterable[Line]
    if asked.mode == "alarms":
        lines = alarms(asked.reference, asked.current)
    else:
        lines = [report(asked.reference, asked.current[0], asked.out, asked.columns)]
    print(json.dumps(provenance("nannyml")))
    for line in lines:
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
