"""Audits as files: a line with the format's number, then the value, deflated.

A reader refuses a higher number. A field may be added without raising it if it has a default; whatever else changes
raises it, and the reader learns the older format before. Files of the first versions begin without a line.
"""

from __future__ import annotations

from typing import TypeVar

from batchops import codec
from batchops.errors import GateError

__all__ = ["FORMAT", "packed", "unpacked"]

T = TypeVar("T")

FORMAT = 1

HEADER = b"batchops audit "
DEFLATED = b"\x78"
"""First byte of a deflated value, which a file without a line begins with."""


def packed(value: object) -> bytes:
    """An `Audit`, `Quality` or `Reference` as its file."""
    return HEADER + f"{FORMAT}\n".encode() + codec.pack(value)


def unpacked(kind: type[T], data: bytes, where: str) -> T:
    """The value of a file.

    Args:
        where: Its path, for the error.

    Raises:
        GateError: It is no such file, a damaged one, or of a newer format.
    """
    head, _, body = (b"", b"", data) if data.startswith(DEFLATED) else data.partition(b"\n")
    number = head.removeprefix(HEADER)
    if number.isdigit() and int(number) > FORMAT:
        what = f"has format {int(number)}, and this version reads up to {FORMAT}"
        raise GateError(where, what, "Use the batchops that wrote it, or a newer one")
    try:
        return codec.unpack(kind, body)
    except codec.DAMAGED as error:
        raise GateError(where, "is no stored audit, or a damaged one", "Compare it with a backup") from error
