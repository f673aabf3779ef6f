"""Code of the project, imported: jobs and schemas are guests of the process that runs them."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from pathlib import Path
from threading import Lock
from types import ModuleType

from batchops.errors import BatchopsError

__all__ = ["GUESTS", "import_guest", "line_of", "loading"]

GUESTS = ("jobs", "schemas")

loading = Lock()
"""Hold it to load guests: a night's threads ask for their job at once, and neither the import system's caches nor
Python 3.11's parser, which describing a contract's checks needs, bear two of them."""


def import_guest(module: str, project: Path, error: type[BatchopsError]) -> ModuleType:
    """Import ``jobs.x`` or ``schemas.x`` of a project, forgetting the guests of any other that this process has seen.

    Raises:
        error: It cannot be imported.
    """
    root = str(project.resolve())
    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    for name in [name for name in sys.modules if name.partition(".")[0] in GUESTS]:
        loaded = sys.modules[name]
        file = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", [])), None)
        if file is not None and not Path(file).is_relative_to(root):
            del sys.modules[name]
    if module in sys.modules:
        return sys.modules[module]
    importlib.invalidate_caches()
    _claim(Path(root))
    try:
        return importlib.import_module(module)
    except Exception as cause:
        # A guest may raise whatever it likes; pandera alone has several kinds of its own.
        what = f"cannot be imported: {type(cause).__name__}: {cause}"
        raise error(line_of(cause, project) or module, what, "Correct it") from cause


def line_of(cause: BaseException | None, project: Path) -> str:
    """File and line of the project that an exception comes from last; empty where it comes from none."""
    if cause is None:
        return ""
    root = project.resolve()
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(cause.__traceback__)]
    if isinstance(cause, SyntaxError):
        places.append((cause.filename or "", cause.lineno))
    own = [(Path(file), line) for file, line in places if Path(file).is_relative_to(root)]
    return f"{own[-1][0].relative_to(root).as_posix()}:{own[-1][1]}" if own else ""


def _claim(root: Path) -> None:
    """Make the project's folders the packages of their names.

    A folder without ``__init__.py`` yields to any installed package of its name, wherever that is on the path.
    """
    for name in GUESTS:
        folder = root / name
        if name not in sys.modules and folder.is_dir() and not (folder / "__init__.py").exists():
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
            sys.modules[name] = importlib.util.module_from_spec(spec)
