"""Evidently 0.7 on two parquet files, exactly as its documentation says; needs its own environment and nothing of ours.

``python benchmarks/by_evidently.py report REFERENCE CURRENT --out FOLDER``: drift of every column and the page.
``python benchmarks/by_evidently.py alarms REFERENCE NIGHT...``: a line of JSON a night: its count of drifted columns.
``python benchmarks/by_evidently.py figures REFERENCE CURRENT``: each column by each method, for tests/stats/parity.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift
from evidently.presets import DataDriftPreset

__all__ = ["alarms", "figures", "main", "report"]

METHODS = ("psi", "jensenshannon", "kl_div", "hellinger", "wasserstein")
"""Beside the method that it picks by itself."""

Line = dict[str, Any]


def report(reference: Path, current: Path, folder: Path, columns: Sequence[str]) -> Line:
    """Read both files, compare all columns, write the page, and say what was found."""
    started = time.perf_counter()
    was, now = (pd.read_parquet(path, columns=list(columns) or None) for path in (reference, current))
    read = time.perf_counter()
    found = Report([DataDriftPreset()]).run(now, was)
    compared = time.perf_counter()
    page = folder / "evidently.html"
    folder.mkdir(parents=True, exist_ok=True)
    found.save_html(str(page))
    done = time.perf_counter()
    seconds = {"read": read - started, "compare": compared - read, "page": done - compared}
    return {**_counted(found), "rows": len(now), "seconds": seconds, "page": str(page), "bytes": page.stat().st_size}


def _counted(found: Any) -> Line:
    """Of the whole dataset: how many columns drift, and whether that is half of them or more."""
    metrics = found.dict()["metrics"]
    count = next(each["value"] for each in metrics if each["metric_name"].startswith("DriftedColumnsCount"))
    share = float(count["share"])
    return {"columns": len(metrics) - 1, "drifted": int(count["count"]), "share": share, "dataset": share >= 0.5}


def alarms(reference: Path, nights: Sequence[Path]) -> Iterator[Line]:
    """One line a night; a night that it cannot compare has an error instead of counts."""
    was = pd.read_parquet(reference)
    for night in nights:
        yield {"night": night.name, **_of_dataset(was, pd.read_parquet(night))}


def _of_dataset(was: pd.DataFrame, now: pd.DataFrame) -> Line:
    try:
        return _counted(Report([DataDriftPreset()]).run(now, was))
    except Exception as error:  # noqa: BLE001 whatever it raises is what it says of the night
        return {"error": f"{type(error).__name__}: {error}"}


def figures(reference: Path, current: Path) -> Iterator[Line]:
    """The dataset, then every column by the method that is picked for it, and by each of `METHODS` that it accepts."""
    was, now = pd.read_parquet(reference), pd.read_parquet(current)
    yield {"night": current.name, **_of_dataset(was, now)}
    for column in now.columns:
        for method in (None, *METHODS):
            line = _figure(was, now, column, method)
            if line is not None:
                yield line


def _figure(was: pd.DataFrame, now: pd.DataFrame, column: str, method: str | None) -> Line | None:
    try:
        found = Report([ValueDrift(column=column, method=method)], include_tests=True).run(now[[column]], was[[column]])
        (metric,) = found.dict()["metrics"]
    except Exception as error:  # noqa: BLE001 whatever it raises is what it says of the column
        return (
            {"column": column, "measure": method, "error": f"{type(error).__name__}: {error}"} if not method else None
        )
    (test,) = found.dict()["tests"]
    value = float(metric["value"])
    return {
        "column": column,
        "measure": method or metric["config"]["method"],
        "picked": method is None,
        "value": value if math.isfinite(value) else None,
        "threshold": metric["config"]["threshold"],
        "drifted": str(test["status"]).rpartition(".")[2] == "FAIL",
    }


def provenance(tool: str) -> Line:
    """The tool, its version and those it was run with, the command and the day."""
    versions = {name: version(name) for name in ("evidently", "pandas", "numpy", "scipy")}
    command = " ".join(["python", "benchmarks/by_evidently.py", *(Path(each).name for each in sys.argv[1:])])
    return {
        "tool": tool,
        "version": versions["evidently"],
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
    parser.add_argument("--out", type=Path, default=Path("var/evidently"), help="folder of the page (%(default)s)")
    parser.add_argument("--columns", nargs="*", default=[], help="columns of the report; all of the file's else")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    if asked.mode == "figures":
        print(written("evidently", figures(asked.reference, asked.current[0])))
        return 0
    lines: Iterable[Line]
    if asked.mode == "alarms":
        lines = alarms(asked.reference, asked.current)
    else:
        lines = [report(asked.reference, asked.current[0], asked.out, asked.columns)]
    print(json.dumps(provenance("evidently")))
    for line in lines:
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
