"""How good scores are: metrics over a window of nights, beside what a model without features would get."""

__all__: list[str] = []
