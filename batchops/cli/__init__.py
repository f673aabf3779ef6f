"""The command line: arguments in, work by the floors below, an exit code out.

Standard output holds the result and nothing else; log and progress go to standard error. Work is imported by the
command that needs it: ``batchops --help`` loads neither polars nor anything that stands on it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
import threading

from batchops.cli.app import app
from batchops.cli.call import hoist

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    # Idle OpenMP threads spin by default, and take the cores from the threads that read and write.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A start makes half a million objects that stay, and by default Python looks through them again every 700.
    gc.set_threshold(50_000)
    try:
        app(args=hoist(sys.argv[1:]), prog_name="batchops")
    except SystemExit as left:
        _leave(left)


def _leave(left: SystemExit) -> None:
    """End the process once all is written and closed: taking its libraries apart besides takes a fifth of a second."""
    working = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if working or not isinstance(left.code, int | None):
        raise left
    atexit._run_exitfuncs()
    with contextlib.suppress(BrokenPipeError):  # the reader, such as head, has seen enough
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(left.code or 0)
