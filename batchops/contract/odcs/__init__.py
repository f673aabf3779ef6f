"""Contracts as documents of the Open Data Contract Standard, and back."""

from __future__ import annotations

__all__: list[str] = []
