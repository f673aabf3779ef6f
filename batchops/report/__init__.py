"""audit.json to words, pages and lines: nothing here measures or judges.

A finding is said by `finding_part`, a verdict by `verdict_part`, a tile by `family`; `render` makes the audit page,
`render_index` the job's page and `summary` the terminal's lines, each from the finished document alone.
"""

from __future__ import annotations

from batchops.report.index import RunLine, render_index
from batchops.report.page import Links, render
from batchops.report.terminal import summary
from batchops.report.words import Facts, family, finding_part, verdict_part

__all__ = [
    "Facts",
    "Links",
    "RunLine",
    "family",
    "finding_part",
    "render",
    "render_index",
    "summary",
    "verdict_part",
]
