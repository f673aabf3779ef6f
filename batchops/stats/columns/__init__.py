"""One column at a time: how it is counted, and how far it is from the reference."""

__all__: list[str] = []
