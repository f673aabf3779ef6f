"""Contracts of this project's data, one module each."""
