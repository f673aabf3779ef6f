"""Sums that add up exactly, and how well a figure is known: what every other room counts with."""

__all__: list[str] = []
