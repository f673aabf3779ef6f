"""Whole rows: a bounded sample of them, and how their columns hang together."""

__all__: list[str] = []
