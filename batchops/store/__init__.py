"""Everything that is kept: files, tables, leases and receipts under one root.

```
tables/scores/<job>/      Delta, a partition a night        tables/runs/, tables/metrics/   Delta, a partition a month
runs/<job>/<night>/<run_id>/  a run's documents             staging/<job>/<night>/<key>/    an unfinished run's receipts
locks/<job>/<night>/      who works on a night              ledger/, models/, contracts/    kept by their own modules
```
"""

from __future__ import annotations

from batchops.store.files import Store, write_frame, write_rows
from batchops.store.kinds import storable
from batchops.store.lock import Lease, lease
from batchops.store.records import Kind, MetricRow, RunRow, metrics, record_metrics, record_run, runs
from batchops.store.staging import Staging
from batchops.store.tables import (
    ANY,
    Publication,
    publication,
    publish_scores,
    published,
    quarantine_path,
    read_scores,
    read_scores_by_file,
    renamed,
    scores_folder,
    scores_path,
    scores_version,
)

__all__ = [
    "ANY",
    "Kind",
    "Lease",
    "MetricRow",
    "Publication",
    "RunRow",
    "Staging",
    "Store",
    "lease",
    "metrics",
    "publication",
    "publish_scores",
    "published",
    "quarantine_path",
    "read_scores",
    "read_scores_by_file",
    "record_metrics",
    "record_run",
    "renamed",
    "runs",
    "scores_folder",
    "scores_path",
    "scores_version",
    "storable",
    "write_frame",
    "write_rows",
]
