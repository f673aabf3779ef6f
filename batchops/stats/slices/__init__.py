"""For whom scores are worse, and what of it may be shown."""

__all__: list[str] = []
