"""How good scores will turn out to be, before their labels come."""

__all__: list[str] = []
