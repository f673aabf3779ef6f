"""The command line: arguments in, work by the floors below, an exit code out.

Standard output holds the result and nothing else; log and progress go to standard error. Work is imported by the
command that needs it: ``batchops --help`` loads neither polars nor anything that stands on it.
"""

from __future__ import annotations

import os
import sys

from batchops.cli.app import app
from batchops.cli.call import hoist

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    # Idle OpenMP threads spin by default, and take the cores from the threads that read and write.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app(args=hoist(sys.argv[1:]), prog_name="batchops")
