"""``python -m batchops``: the command line, where no script is on the path."""

from __future__ import annotations

from batchops.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
