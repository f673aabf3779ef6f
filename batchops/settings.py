"""Where the store is and how work is done here: flags > BATCHOPS_* > the project's file > defaults."""

from __future__ import annotations

import getpass
import os
import re
import socket
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from batchops.errors import ConfigError, did_you_mean

__all__ = ["Settings", "find_project", "load_settings", "usable_cores"]

PREFIX = "BATCHOPS_"
REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Settings:
    """How this place runs jobs; what is a job's own stands in the job.

    Attributes:
        project: Folder that holds ``jobs/``, ``schemas/`` and ``reports/``.
        root: Of the store: an absolute path, or a URL such as ``s3://bucket/batchops``.
        scheduler: ``threads``, ``processes`` or the address of a Dask scheduler, ``tcp://host:port``.
        threads: How many threads work at once, 1 or more.
        wait: Seconds to wait for another runner of the same night.
        actor: Who runs it, for the ledger.
        environment: Name of this place, such as ``production``; shown, never interpreted.
    """

    project: Path
    root: str = "var/store"
    scheduler: str = "threads"
    threads: int = 1
    wait: float = 0.0
    actor: str = "unknown"
    environment: str = "default"


def usable_cores() -> int:
    """Cores this process may use: the affinity mask, and less where a control group allows less time."""
    cores = len(os.sched_getaffinity(0))
    allowed = _control_group_cores(Path("/sys/fs/cgroup"))
    return max(1, min(cores, int(allowed))) if allowed is not None else cores


def _control_group_cores(root: Path) -> float | None:
    """Cores that a control group (version 2, else 1) grants; None where it grants all."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        return limit / int((root / "cpu" / "cpu.cfs_period_us").read_text()) if limit > 0 else None
    except (OSError, ValueError):
        return None


def _actor() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _parse_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is not valid TOML ({error})", "Correct the file") from error
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})", "Make it readable") from error


def _section(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The settings file of a folder, and what it says."""
    own, shared = folder / "batchops.toml", folder / "pyproject.toml"
    if own.is_file():
        return own, _parse_toml(own)
    if shared.is_file():
        section = _parse_toml(shared).get("tool", {}).get("batchops")
        if isinstance(section, dict):
            return shared, section
    return None


def find_project(start: Path) -> Path | None:
    """The nearest folder at or above ``start`` with a settings file or a ``jobs`` folder; None where there is none.

    Raises:
        ConfigError: A settings file on the way cannot be read.
    """
    for folder in (start, *start.parents):
        if (folder / "jobs").is_dir() or _section(folder) is not None:
            return folder
    return None


def _interpolate(text: str, environ: Mapping[str, str], where: str) -> str:
    def value(reference: re.Match[str]) -> str:
        name, default = reference["name"], reference["default"]
        # As in a shell: an empty variable takes the default too.
        found = environ.get(name) or default
        if found is None:
            raise ConfigError(where, f"the variable {name} is not set", f"Set {name}, or write ${{{name}:-default}}")
        return found

    return REFERENCE.sub(value, text)


def _scheduler(value: str) -> str:
    if value not in ("threads", "processes") and not re.fullmatch(r"[a-z]+://.+", value):
        raise ValueError("is no scheduler")
    return value


def _threads(value: str) -> int:
    if int(value) < 1:
        raise ValueError("is below 1")
    return int(value)


def _wait(value: str) -> float:
    if not 0 <= float(value) < float("inf"):
        raise ValueError("is not a number of seconds")
    return float(value)


_READERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "root": (str, "a folder or a URL"),
    "scheduler": (_scheduler, "threads, processes or an address like tcp://host:8786"),
    "threads": (_threads, "a whole number, 1 or more"),
    "wait": (_wait, "a number of seconds, 0 or more"),
    "actor": (str, "a name"),
    "environment": (str, "a name"),
}


def _read(key: str, value: Any, where: str) -> Any:
    """A value as its setting's type."""
    read, wanted = _READERS[key]
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            raise ValueError
        return read(str(value))
    except ValueError as error:
        raise ConfigError(where, f"{key} = {value!r} will not do", f"Give {wanted}") from error


def _from_file(found: tuple[Path, dict[str, Any]] | None, environ: Mapping[str, str]) -> dict[str, Any]:
    if found is None:
        return {}
    path, section = found
    values = {}
    for key, value in section.items():
        if key not in _READERS:
            raise ConfigError(str(path), f"there is no setting {key!r}", did_you_mean(key, _READERS))
        text = _interpolate(value, environ, f"{path}, {key}") if isinstance(value, str) else value
        values[key] = _read(key, text, str(path))
    return values


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + key.upper(): key for key in _READERS}
    values = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == f"{PREFIX}PROJECT":
            continue
        if name not in known:
            raise ConfigError("environment", f"there is no variable {name}", did_you_mean(name, known))
        if value:
            values[known[name]] = _read(known[name], value, name)
    return values


def _project(flag: Any, environ: Mapping[str, str], start: Path) -> Path:
    named = flag or environ.get(f"{PREFIX}PROJECT")
    if not named:
        return (find_project(start) or start).resolve()
    project = (start / named).resolve()
    if not project.is_dir():
        raise ConfigError(
            f"project {named}", "is no folder", "Give the folder that holds jobs/, or run `batchops init`"
        )
    return project


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str], start: Path) -> Settings:
    """Settle every setting: flags > BATCHOPS_* > batchops.toml or [tool.batchops] > defaults.

    Args:
        flags: By name of the setting; None is a flag that was not given.
        environ: The environment's variables.
        start: Folder to search upward from for the project.

    Raises:
        ConfigError: A setting is unknown or will not do, or a variable that the file refers to is not set.
    """
    project = _project(flags.get("project"), environ, start)
    defaults = {"threads": usable_cores(), "actor": _actor()}
    given = {
        key: _read(key, value, f"--{key}") for key, value in flags.items() if value is not None and key in _READERS
    }
    values = {**defaults, **_from_file(_section(project), environ), **_from_environ(environ), **given}
    # A flag or a variable names a folder from where its writer stands; a file and the default, from the project.
    root = str(values.get("root", next(field.default for field in fields(Settings) if field.name == "root")))
    if "://" not in root:
        spoken = "root" in given or f"{PREFIX}ROOT" in environ
        root = str(((start if spoken else project) / Path(root).expanduser()).resolve())
    return Settings(project, **{**values, "root": root})
