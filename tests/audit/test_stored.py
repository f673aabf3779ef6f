"""Stored audits: read back as they were, old ones too, and never taken for what they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchops.audit import Audit
from batchops.audit.stored import FORMAT, packed, unpacked
from batchops.contract import RuleTally, SchemaTally, Tallies
from batchops.errors import GateError
from batchops.sketch import ValueSample

FILES = Path(__file__).parent / "stored"

AUDIT = Audit(
    tallies=Tallies(
        5, 2, {"dest.isin": RuleTally(5, 2, 0, ValueSample.of([("XXX", 2)])), "temp.not_null": RuleTally(4, 0, 1)}
    ),
    schema=SchemaTally({"dest": {"String": 5}, "temp": {"Float64": 4, "missing": 1}}),
)


@pytest.mark.generate
def test_the_file_of_this_format_is_written() -> None:
    path = FILES / f"format{FORMAT}.audit"
    if not path.exists():  # an old file is evidence, and is never written anew
        path.write_bytes(packed(AUDIT))


def test_every_format_that_was_ever_written_has_a_file_here() -> None:
    assert sorted(path.name for path in FILES.iterdir()) == [f"format{n}.audit" for n in range(FORMAT + 1)]


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.stem)
def test_a_file_of_any_format_is_read(path: Path) -> None:
    assert unpacked(Audit, path.read_bytes(), str(path)) == AUDIT


def test_a_newer_format_is_refused_and_not_guessed() -> None:
    newer = packed(AUDIT).replace(b"audit %d" % FORMAT, b"audit %d" % (FORMAT + 1), 1)
    with pytest.raises(GateError, match=f"has format {FORMAT + 1}, and this version reads up to {FORMAT}") as refused:
        unpacked(Audit, newer, "night.audit")
    assert "newer one" in refused.value.remedy


@pytest.mark.parametrize(
    "damaged", [b"", b"batchops audit", packed(AUDIT)[:-9], b"PAR1", packed(AUDIT)[:20] + b"\0" * 50]
)
def test_a_damaged_file_is_said_with_its_path(damaged: bytes) -> None:
    with pytest.raises(GateError, match=r"runs/x/night\.audit: is no stored audit"):
        unpacked(Audit, damaged, "runs/x/night.audit")
