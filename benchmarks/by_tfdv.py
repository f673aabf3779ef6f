"""TensorFlow Data Validation 1.16 on two parquet files; needs its own environment and nothing of ours.

``python benchmarks/by_tfdv.py figures REFERENCE CURRENT``: each column by each measure, for tests/stats/parity.
It says a distance only where a schema sets a threshold for it; all are set to 0 here, so that it says each.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow_data_validation as tfdv

__all__ = ["figures", "main"]

MEASURES = {1: "linf", 2: "jensen_shannon_divergence", 3: "normalized_abs_difference"}
"""Of its DriftSkewInfo's measurements, by the number of their type."""

Line = dict[str, Any]


def figures(reference: Path, current: Path) -> Iterator[Line]:
    """Every column by its Jensen-Shannon divergence, and by L-infinity where it has a list of values."""
    for column in pd.read_parquet(current).columns:
        for measure in ("jensen_shannon_divergence", "infinity_norm"):
            try:
                was, now = (
                    tfdv.generate_statistics_from_dataframe(pd.read_parquet(path, columns=[column]))
                    for path in (reference, current)
                )
                lines = list(_measured(was, now, measure))
            except Exception as error:  # noqa: BLE001 whatever it raises is what it says of the column
                lines = [{"measure": measure, "error": f"{type(error).__name__}: {error}"}]
            yield from ({"column": column, **line} for line in lines)


def _measured(was: Any, now: Any, measure: str) -> Iterator[Line]:
    schema = tfdv.infer_schema(was)
    (feature,) = schema.feature
    getattr(feature.drift_comparator, measure).threshold = 0.0
    listed = was.datasets[0].features[0].string_stats.rank_histogram.buckets
    for info in tfdv.validate_statistics(now, schema, previous_statistics=was).drift_skew_info:
        for measured in info.drift_measurements:
            # Of numbers it says 0, having no list of values to compare.
            if listed or measure != "infinity_norm":
                yield {"measure": MEASURES[measured.type], "value": measured.value}


def provenance(tool: str) -> Line:
    """The tool, its version and those it was run with, the command and the day."""
    versions = {name: version(name) for name in ("tensorflow-data-validation", "tfx-bsl", "pandas", "numpy")}
    command = " ".join(["python", "benchmarks/by_tfdv.py", *(Path(each).name for each in sys.argv[1:])])
    return {
        "tool": tool,
        "version": versions["tensorflow-data-validation"],
        "with": versions,
        "command": command,
        "date": str(dt.date.today()),
    }


def written(tool: str, lines: Iterable[Line]) -> str:
    """One JSON object, a figure a line."""
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in provenance(tool).items())
    return "{\n" + head + ',\n"figures": [\n' + ",\n".join(json.dumps(line) for line in lines) + "\n]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line of JSON a figure, the version first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("mode", choices=["figures"])
    parser.add_argument("reference", type=Path)
    parser.add_argument("current", type=Path)
    asked = parser.parse_args(arguments)
    print(written("tfdv", figures(asked.reference, asked.current)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
