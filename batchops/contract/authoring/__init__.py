"""From data to a contract that a person would begin with, written as a module."""

from __future__ import annotations

__all__: list[str] = []
