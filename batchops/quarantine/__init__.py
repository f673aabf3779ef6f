"""Rows that were set aside: which nights have some, what they look like, and how they are put back.

`looking` lists and shows them; `choosing` picks some, `trying` asks today's contract about them, `correcting` brings a
night's counts up to date, and `releasing` publishes the night anew with those that pass.
"""

__all__: list[str] = []
