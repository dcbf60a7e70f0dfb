"""Files of policies: read whole, or refused whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bt_run import ConfigError
from bt_run.text import did_you_mean
from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = ["DEFAULTS", "TEMPLATES", "policies_in", "shipped_policies"]

TEMPLATES = "policy_templates.json"
DEFAULTS = "constraint_defaults.json"
KNOWN = tuple(OptimizationPolicy.model_fields)


def shipped_policies() -> list[OptimizationPolicy]:
    """Return the three templates that ship with bt-run, over the shipped defaults."""
    texts = [
        (resources.files("bt_run_plugins.policy") / name).read_text(encoding="utf-8")
        for name in (TEMPLATES, DEFAULTS)
    ]
    templates, defaults = (json.loads(text) for text in texts)
    return _policies(templates, defaults, TEMPLATES)


def policies_in(file: Path, defaults: Path | None = None) -> list[OptimizationPolicy]:
    """Return the policies in the JSON ``file``, ``{"policies": [...]}``, over the keys in the file
    of ``defaults``.

    Raises:
        ConfigError: a file cannot be read, or a policy in it cannot be; with every field that is
            wrong.
    """
    given = {} if defaults is None else _read(defaults)
    return _policies(_read(file), given, str(file))


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
        ) from error


def _policies(tree: Any, defaults: Any, file: str) -> list[OptimizationPolicy]:
    if not isinstance(defaults, Mapping):
        raise ConfigError(
            f"{file}: the defaults are a {type(defaults).__name__}; expected a mapping"
        )
    rows = tree.get("policies") if isinstance(tree, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise ConfigError(
            f'{file}: holds no policies; expected {{"policies": [{{"id": ...}}, ...]}}'
        )
    errors: list[str] = []
    found = [
        _policy(row, defaults, f"{file}: policies.{number}", errors)
        for number, row in enumerate(rows)
    ]
    policies = [policy for policy in found if policy is not None]
    ids = [policy.id for policy in policies]
    errors += [
        f"{file}: {name!r} stands there {ids.count(name)} times; expected once"
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]
    if errors:
        raise ConfigError("\n".join([*errors, f"{file}: nothing of it was loaded"]))
    return policies


def _policy(
    row: Any, defaults: Mapping[str, Any], where: str, errors: list[str]
) -> OptimizationPolicy | None:
    """Return a policy; note what is wrong with it and return None where it cannot be."""
    if not isinstance(row, Mapping):
        errors.append(f"{where}: found {row!r:.60}; expected a mapping with `id`")
        return None
    try:
        return OptimizationPolicy.model_validate({**defaults, **row})
    except ValidationError as error:
        for item in error.errors():
            path = ".".join([where, *map(str, item["loc"])])
            errors.append(f"{path}: {_words(item, row)}")
        return None


def _words(item: Any, row: Mapping[str, Any]) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        word = str(item["loc"][-1])
        known = ", ".join(KNOWN)
        return f"unknown key; expected one of {known}{did_you_mean(word, KNOWN)}"
    if kind == "missing":
        return "missing"
    if kind == "value_error":
        return str(item["ctx"]["error"])
    return f"{item['msg'].lower()}; found {item['input']!r:.60}"
