"""Mergeable summaries of rows, and the numbers that follow from them: numbers in, numbers out, no limit, no word.

A column is counted in `Cells` that come from the reference. Counting gives a `Profile` and a `Quality`, which are
monoids of whole numbers: parts add up to the whole bit for bit, for any split and any order. Everything else
(`compare`, `usual`, `metrics`, `slice_gaps`, `calibration`, `histogram`) reads those and never a row.
"""

from batchops.stats.columns.axis import AxisHistogram, histogram
from batchops.stats.columns.cells import Cells, lay_out
from batchops.stats.columns.drift import ColumnDrift, compare
from batchops.stats.columns.measures import MEASURES
from batchops.stats.columns.profile import Column, Profile, merge_profiles, summarise
from batchops.stats.columns.skew import ColumnSkew, Skew, buckets_of, match_by_key
from batchops.stats.columns.usual import Usual, Weekdays, usual
from batchops.stats.numbers.changes import fallen, risen, shifted
from batchops.stats.numbers.intervals import NOT_MEASURED, Estimate
from batchops.stats.numbers.sparse import Sparse
from batchops.stats.outcomes.classes import ClassCounts
from batchops.stats.outcomes.layout import class_order, lay_out_classes, lay_out_quality, lay_out_scores
from batchops.stats.outcomes.regression import ErrorCells, ErrorSums, ErrorTables
from batchops.stats.outcomes.state import (
    AGE,
    ENTITY,
    NightQuality,
    Quality,
    ScoreCells,
    SliceKey,
    SliceQuality,
    Weighted,
    merge_qualities,
)
from batchops.stats.outcomes.tally import tally_quality
from batchops.stats.quality.baselines import baselines, trivial
from batchops.stats.quality.calibration import CalibrationCell, Recalibration, calibration, recalibration
from batchops.stats.quality.class_metrics import CLASS_METRICS
from batchops.stats.quality.error_metrics import ERROR_METRICS
from batchops.stats.quality.metrics import (
    METRICS,
    TASK_METRICS,
    Confusion,
    class_details,
    confusion,
    design_effects,
    metrics,
)
from batchops.stats.quality.thresholds import Gain, Threshold, gain, thresholds
from batchops.stats.rows.hashing import entity_groups
from batchops.stats.slices.fairness import Fairness, fairness
from batchops.stats.slices.gaps import SliceGap, SliceGaps, SliceTest, slice_gaps
from batchops.stats.slices.likeness import Alike, night_likeness

__all__ = [
    "AGE",
    "CLASS_METRICS",
    "ENTITY",
    "ERROR_METRICS",
    "MEASURES",
    "METRICS",
    "NOT_MEASURED",
    "TASK_METRICS",
    "Alike",
    "AxisHistogram",
    "CalibrationCell",
    "Cells",
    "ClassCounts",
    "Column",
    "ColumnDrift",
    "ColumnSkew",
    "Confusion",
    "ErrorCells",
    "ErrorSums",
    "ErrorTables",
    "Estimate",
    "Fairness",
    "Gain",
    "NightQuality",
    "Profile",
    "Quality",
    "Recalibration",
    "ScoreCells",
    "Skew",
    "SliceGap",
    "SliceGaps",
    "SliceKey",
    "SliceQuality",
    "SliceTest",
    "Sparse",
    "Threshold",
    "Usual",
    "Weekdays",
    "Weighted",
    "baselines",
    "buckets_of",
    "calibration",
    "class_details",
    "class_order",
    "compare",
    "confusion",
    "design_effects",
    "entity_groups",
    "fairness",
    "fallen",
    "gain",
    "histogram",
    "lay_out",
    "lay_out_classes",
    "lay_out_quality",
    "lay_out_scores",
    "match_by_key",
    "merge_profiles",
    "merge_qualities",
    "metrics",
    "night_likeness",
    "recalibration",
    "risen",
    "shifted",
    "slice_gaps",
    "summarise",
    "tally_quality",
    "thresholds",
    "trivial",
    "usual",
]
