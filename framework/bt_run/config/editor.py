"""Put the JSON schema into a folder, where the editors that are opened there find it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bt_run.errors import ConfigError

__all__ = [
    "EDITOR_DIALECT",
    "SCHEMA_FILE",
    "SETTINGS_FILE",
    "Installed",
    "install_schema",
]

SCHEMA_FILE = ".bt-run/schema.json"
SETTINGS_FILE = ".vscode/settings.json"
MAPPING = "yaml.schemas"
FILES = "*.yaml"
# the YAML language server knows draft 7 best
EDITOR_DIALECT = "http://json-schema.org/draft-07/schema#"


@dataclass(frozen=True)
class Installed:
    """What happened to each of the two files.

    ``add`` is what the user must write, where we could not.
    """

    schema: str
    settings: str
    add: str = ""


def install_schema(folder: Path, schema: dict[str, Any]) -> Installed:
    """Write ``schema`` into ``folder`` and point VS Code's workspace settings there to it.

    Doing it again changes nothing but the schema. Settings of the user stay; a file with comments
    is not touched.

    Raises:
        ConfigError: ``folder`` is not an existing folder.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise ConfigError(
            f"--install {folder}: expected an existing folder, the one that the editor opens; "
            f"found {found} there"
        )
    old_form = {**_in_draft_7(schema), "$schema": EDITOR_DIALECT}
    text = json.dumps(old_form, indent=2) + "\n"
    did = _write(folder / SCHEMA_FILE, text)
    path = folder / SETTINGS_FILE
    old = path.read_text(encoding="utf-8-sig") if path.exists() else "{}"
    new = _merged(old)
    if new is None:
        lines = json.dumps({MAPPING: {SCHEMA_FILE: FILES}}, indent=4)
        return Installed(did, "not touched", lines)
    if new == old:
        return Installed(did, "unchanged")
    return Installed(did, _write(path, new))


def _in_draft_7(schema: Any) -> Any:
    """Return a schema as draft 7 says it, where lists of fixed places are ``items``."""
    if isinstance(schema, list):
        return [_in_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    names = (
        {"prefixItems": "items"} if isinstance(schema.get("prefixItems"), list) else {}
    )
    return {names.get(key, key): _in_draft_7(item) for key, item in schema.items()}


def _write(path: Path, text: str) -> str:
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        return "unchanged"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return "written" if before is None else "updated"


def _merged(text: str) -> str | None:
    """Return the settings with ours added; as they were, when they are there; None when we
    cannot.
    """
    try:
        settings = json.loads(text)
    except json.JSONDecodeError:
        # VS Code allows comments and trailing commas, which writing JSON would lose
        return text if MAPPING in text and SCHEMA_FILE in text else None
    schemas = settings.setdefault(MAPPING, {}) if isinstance(settings, dict) else None
    if not isinstance(schemas, dict):
        return None
    if SCHEMA_FILE in schemas:  # which files it is for may have been narrowed since
        return text
    schemas[SCHEMA_FILE] = FILES
    return json.dumps(settings, indent=_indent(text), ensure_ascii=False) + "\n"


def _indent(text: str) -> int | str:
    """Return the indentation of the first key, to go on like that."""
    lines = text.splitlines()
    first = lines[1] if len(lines) > 1 else ""
    return first[: len(first) - len(first.lstrip())] or 4
