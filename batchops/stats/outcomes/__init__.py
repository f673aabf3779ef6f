"""What is counted of scores and of the labels that they met."""

__all__: list[str] = []
