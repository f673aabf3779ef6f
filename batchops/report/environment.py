"""Templates: always escaped, never undefined, and only the framework's own style and script may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemBytecodeCache,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.bccache import Bucket
from markupsafe import Markup

from batchops import codec
from batchops.errors import ConfigError
from batchops.report import formats, marks, pictures
from batchops.report.words import column_words, reason_words, since_words, topic_title
from batchops.report.words.skew import skew_words
from batchops.verdict import Severity

__all__ = ["compile_templates", "fill"]

KINDS = {
    Severity.FAIL: "fail",
    Severity.WARN: "warn",
    Severity.UNSURE: "unsure",
    Severity.NOT_RUN: "none",
    Severity.PASS: "pass",
}

FILTERS: Mapping[str, Any] = {
    "amount": formats.amount,
    "apart": pictures.apart,
    "bound": formats.bound,
    "clean": formats.clean,
    "count": formats.count,
    "date": formats.date,
    "decimal": formats.decimal,
    "file": formats.file,
    "href": formats.href,
    "number": formats.number,
    "percent": formats.percent,
    "plural": formats.plural,
    "points": formats.points,
    "seconds": formats.seconds,
    "size": formats.size,
    "slug": formats.slug,
    "spans": formats.spans,
    "kind": KINDS.__getitem__,
    "chart_limit": pictures.chart_limit,
    "chart_name": pictures.chart_name,
    "chart_value": pictures.chart_value,
    "doubt": pictures.doubt,
    "gap": pictures.gap,
    "column_words": column_words,
    "reason_words": reason_words,
    "since_words": since_words,
    "skew_words": skew_words,
    "topic_title": topic_title,
    "metric": pictures.metric,
    "metric_limit": pictures.metric_limit,
    "metric_name": pictures.metric_name,
    "meter": pictures.meter,
    "beyond": pictures.beyond,
    "ends": pictures.ends,
    "whisker": pictures.whisker,
    "coordinate": marks.coordinate,
    "histogram": marks.histogram,
}


def _json(value: Any, **_: Any) -> str:
    return codec.dump(value).decode()


def _finalize(value: Any) -> Any:
    """Drop control characters from every text; markup made here has none."""
    return formats.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class _Compiled(BytecodeCache):
    """Templates, compiled once a user: not once a process or an edition, nor an edition that many projects have.

    Beyond the process they are kept in Jinja's folder for temporary files, which nobody else may write to; where there
    is none, each process compiles them for itself.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002
        return hashlib.sha256(name.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))
        if bucket.code is None and (kept := _kept()) is not None:
            kept.load_bytecode(bucket)
            self._known[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key, bucket.checksum] = bucket.code
        if (kept := _kept()) is not None:
            with suppress(OSError):
                kept.dump_bytecode(bucket)


@cache
def _kept() -> FileSystemBytecodeCache | None:
    # Code depends on what the environment is made of, too, and on the library that compiled it.
    made = hashlib.sha256(Path(__file__).read_bytes() + version("jinja2").encode()).hexdigest()
    try:
        return FileSystemBytecodeCache(pattern=f"batchops-{made[:16]}-%s")
    except (OSError, RuntimeError):
        return None


_compiled = _Compiled()


@lru_cache(maxsize=8)
def _environment(folder: str | None) -> Environment:
    own = PackageLoader("batchops.report")
    loader = own if folder is None else ChoiceLoader([own, FileSystemLoader(folder)])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
        bytecode_cache=_compiled,
    )
    environment.filters.update(FILTERS)
    environment.tests["in_unit"] = pictures.in_unit
    environment.policies["json.dumps_function"] = _json
    return environment


def compile_templates() -> None:
    """Do ahead, for who has a core to spare, what the first page takes a fifth of a second for."""
    environment = _environment(None)
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


@cache
def _assets() -> Mapping[str, str | Markup]:
    """The style and the script, and the hashes by which the page's policy allows them and nothing else."""
    assets: dict[str, str | Markup] = {}
    for name, file in (("css", "base.css"), ("js", "base.js")):
        text = (Path(__file__).parent / "templates" / file).read_text("utf-8")
        assets[name] = Markup(text)
        assets[f"{name}_hash"] = f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
    return assets


def fill(template: str, values: Mapping[str, Any], edition: Path | None = None) -> str:
    """Render a template of the framework, or an edition that extends one.

    Raises:
        ConfigError: The edition does not exist, is no template, or asks for what is not there.
    """
    environment = _environment(None if edition is None else str(edition.parent))
    try:
        page = environment.get_template(template if edition is None else edition.name)
        return page.render({**_assets(), **values}) + "\n"
    except TemplateError as error:
        if edition is None:
            raise
        where = f"{edition}:{getattr(error, 'lineno', None) or ''}".rstrip(":")
        remedy = "Correct the edition; batchops/report/templates/base.html.j2 lists the blocks it may override"
        raise ConfigError(where, f"{type(error).__name__}: {error.message or 'not found'}", remedy) from error
