"""A figure's nights: has it begun to move, and why?"""

__all__: list[str] = []
