"""audit.json of every format, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchops.audit.document import FORMAT
from batchops.audit.reading import read_document
from batchops.errors import GateError
from batchops.report import render

OLD = Path(__file__).parent / "documents" / "format1.json"


def test_a_document_of_the_first_format_reads_with_its_figures_where_they_now_stand() -> None:
    was, now = json.loads(OLD.read_text()), read_document(OLD.read_bytes(), "audit.json")
    assert now.format == FORMAT
    assert now.rows.total == was["rows"]["total"]
    assert now.quality is not None
    assert list(now.quality.metrics) == [each["name"] for each in was["quality"]["metrics"]]
    assert now.quality.confusion is not None
    assert now.quality.confusion.counts[1][1] == was["quality"]["confusion"]["true_positive"]
    assert now.slices is not None
    assert [each.gap.value for each in now.slices] == [each["gap"] for each in was["slices"]["slices"]]
    assert now.slicing is not None
    assert now.slicing.tested == was["slices"]["tested"]
    assert was["verdict"]["headline"] in render(now)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no audit.json"),
        (b"[]", "no audit.json"),
        (b'{"format": 1}', "no audit.json"),
        (b'{"format": 2, "rows": {}}', "no audit.json"),
        (b'{"format": 99}', "reads up to"),
    ],
)
def test_what_is_none_or_newer_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(GateError, match=what):
        read_document(data, "audit.json")
