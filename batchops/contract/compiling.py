"""From a Pandera model to a contract: columns, rules as expressions, and how bad each failure is."""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from pandera.polars import DataFrameModel

from batchops.contract.accepting import column_of, schema_of, strictness
from batchops.contract.content import content_of, digest_of
from batchops.contract.drafting import Asked, drafts
from batchops.contract.locating import where
from batchops.contract.metadata import Severities, column_words, config_words, severities
from batchops.contract.patterns import spelled_pattern
from batchops.contract.terms import Contract, Rule, limit_of
from batchops.contract.wording import SHORT, tolerated
from batchops.errors import ContractError, did_you_mean

__all__ = ["compile_contract"]


def _named(id: str) -> tuple[str, ...]:
    """What metadata may call a rule: its id, the last part, and Pandera's long word for it."""
    last = id.rpartition(".")[2]
    return (id, last, *(long for long, short in SHORT.items() if short == last))


def _judged(place: str, rule: Rule, said: Severities) -> Rule:
    """The rule with its level, action and limit: what is said, else what its level means.

    Raises:
        ContractError: What is said does not go together.
    """
    warns = rule.test.check is not None and rule.test.check.raise_warning
    level = said.level or ("warn" if warns else "error")
    action = said.action or ("quarantine" if level in ("error", "critical") else "continue")
    if said.action is None and rule.test.aligned is False:
        # One answer for all rows says nothing about any of them.
        action = "continue"
    if said.warn is not None and said.fail is not None and said.warn > said.fail:
        raise ContractError(place, "it fails before it warns", "Let warn be the smaller of the two")
    limit, unit = limit_of(level, said.warn, said.fail), said.unit or "share"
    if action == "abort_night":
        limit = replace(limit, fail=0 if said.fail is None else said.fail, blocking=True)
    elif unit == "rows" and level == "error" and said.fail is None:
        what = "it warns beyond rows, and its level fails beyond 5 % of them"
        raise ContractError(place, what, "State fail_rows too, or the level warn")
    words = said.words or rule.words
    if said.words is None and rule.test.check is None and limit.shown and rule.id.endswith(".not_null"):
        words = tolerated(rule.columns[0], limit.shown, unit)
    return replace(rule, level=level, action=action, limit=limit, unit=unit, words=words)


def _rules(asked: Asked, said: Mapping[str, Mapping[str, Any]]) -> Iterator[Rule]:
    """The rules with their severities: ``Config``'s word first, then the rule's in its column, then the column's.

    Args:
        said: Metadata of ``Config`` under "", and of each column under its name in rules' ids.

    Raises:
        ContractError: Metadata names a rule that is not there.
    """
    drafted = tuple(drafts(asked))
    names = {spelled_pattern(column.name) if column.regex else column.name: column.name for column in asked.columns}
    stated = {place: words.get("rules") or {} for place, words in said.items()}
    for place, rules in stated.items():
        known = {n for r in drafted if not place or r.id.rpartition(".")[0] == place for n in _named(r.id)}
        for name in rules:
            if name not in known:
                at = where(asked.model, place, names.get(place, ""))
                raise ContractError(at, f"metadata has no rule {name!r}", did_you_mean(str(name), known))
    for rule in drafted:
        place = rule.id.rpartition(".")[0]
        at = where(asked.model, rule.id, names.get(place, ""), rule.test.check)
        chosen = Severities()
        for among in ("", place):
            for name in _named(rule.id):
                if name in stated.get(among, {}):
                    chosen = chosen.over(severities(at, stated[among][name]))
        words = ("level", "action", "warn", "fail", "warn_rows", "fail_rows")
        own = {word: said.get(place, {}).get(word) for word in words}
        yield _judged(at, rule, chosen.over(severities(at, own)))


def _particulars(asked: Asked) -> dict[str, Any]:
    """The contract's name and description: what metadata says, then ``Config``, then the class."""
    model, config = asked.model, asked.model.__config__
    # Pandera gives every Config a name, the class's where its author gave none.
    own = inspect.cleandoc(model.__doc__ or "")
    title, description = (getattr(config, word, None) or "" for word in ("title", "description"))
    return {
        "name": str(asked.config.get("name") or getattr(config, "name", None) or model.__name__),
        "version": str(asked.config.get("version", "")),
        "owner": str(asked.config.get("owner", "")),
        "description": description or own or title,
    }


@cache
def _compiled(model: type[DataFrameModel]) -> Contract:
    schema = schema_of(model)
    said: dict[str, Mapping[str, Any]] = {
        name: column_words(where(model, name, name), found.metadata) for name, found in schema.columns.items()
    }
    columns = tuple(column_of(model, found, schema, said[name]) for name, found in schema.columns.items())
    config = config_words(where(model), getattr(model.__config__, "metadata", None))
    asked = Asked(model, schema, columns, config)
    places = {spelled_pattern(each.name) if each.regex else each.name: said[each.name] for each in columns}
    compiled = Contract(
        **_particulars(asked),
        digest="",
        columns=columns,
        rules=tuple(_rules(asked, {"": config, **places})),
        rows=config["rows"],
        weekday_volume=config["weekday_volume"],
        freshness=config["freshness"],
        references=config["references"],
        unique_over=config["unique_over"],
        strict=strictness(schema),
        ordered=bool(schema.ordered),
        model=model,
    )
    return replace(compiled, digest=digest_of(content_of(compiled)))


def compile_contract(model: Any) -> Contract:
    """Compile a Pandera model.

    Metadata of a field: ``role``, ``pii``, ``unit``, ``level``, ``action``, ``warn``, ``fail``, ``warn_rows``,
    ``fail_rows``, and ``rules`` for one rule of it: ``{"rules": {"in_range": {"level": "warn", "warn": 0.02}}}``.
    Metadata of ``Config``: ``name``, ``version``, ``owner``, ``rows`` (fewest, most), ``weekday_volume``,
    ``freshness``, ``references``, ``unique_over``, and ``rules``, for any rule by its id or the name of its method.

    Raises:
        ContractError: It cannot be compiled as written.
    """
    if not (inspect.isclass(model) and issubclass(model, DataFrameModel)):
        remedy = "Write a class that extends pandera.polars.DataFrameModel"
        raise ContractError("contract", f"{getattr(model, '__name__', type(model).__name__)} is no contract", remedy)
    return _compiled(model)


def _by_model(contract: Contract) -> tuple[Any, tuple[Any]]:
    return compile_contract, (contract.model,)


# Captured closures do not pickle; a model class does, by its import path.
copyreg.pickle(Contract, _by_model)
