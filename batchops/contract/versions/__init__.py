"""What every published version of a contract asked, and what two versions have differently."""

from __future__ import annotations

__all__: list[str] = []
