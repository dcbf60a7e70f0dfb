"""``bt-run schema --install``: what an editor needs, written without harm to what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from kit.places import EXAMPLES
from ruamel.yaml import YAML

from bt_run.cli.entry import main
from bt_run.config.editor import SCHEMA_FILE, SETTINGS_FILE, install_schema
from bt_run.config.schema import json_schema
from bt_run.errors import ConfigError
from bt_run.plugins import catalogue, get_plugin_manager

RUNS = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if "runs" not in path.parts]
TINY = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}


def settings(folder: Path) -> str:
    return (folder / SETTINGS_FILE).read_text(encoding="utf-8")


def as_json(path: Path) -> Any:
    return json.loads(
        json.dumps(YAML(typ="safe").load(path.read_text(encoding="utf-8")), default=str)
    )


def put_settings(folder: Path, text: str) -> Path:
    path = folder / SETTINGS_FILE
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_folder_gets_both_files(tmp_path: Path) -> None:
    done = install_schema(tmp_path, TINY)
    assert (done.schema, done.settings, done.add) == ("written", "written", "")
    assert json.loads(settings(tmp_path)) == {
        "yaml.schemas": {".bt-run/schema.json": "*.yaml"}
    }


def test_doing_it_again_changes_no_byte(tmp_path: Path) -> None:
    install_schema(tmp_path, TINY)
    before = settings(tmp_path)
    done = install_schema(tmp_path, TINY)
    assert (done.schema, done.settings) == ("unchanged", "unchanged")
    assert settings(tmp_path) == before


def test_a_new_schema_replaces_the_old_one(tmp_path: Path) -> None:
    install_schema(tmp_path, TINY)
    done = install_schema(tmp_path, {**TINY, "title": "newer"})
    assert (done.schema, done.settings) == ("updated", "unchanged")
    assert json.loads((tmp_path / SCHEMA_FILE).read_text())["title"] == "newer"


def test_other_settings_stay_in_their_order_and_indentation(tmp_path: Path) -> None:
    put_settings(
        tmp_path,
        '{\n  "z": "ä",\n  "yaml.schemas": {\n    "o.json": "a/*.yaml"\n  },\n  "a": [1]\n}\n',
    )
    assert install_schema(tmp_path, TINY).settings == "updated"
    assert settings(tmp_path) == (
        '{\n  "z": "ä",\n  "yaml.schemas": {\n    "o.json": "a/*.yaml",\n    '
        '".bt-run/schema.json": "*.yaml"\n  },\n'
        '  "a": [\n    1\n  ]\n}\n'
    )


def test_the_files_that_the_user_chose_stay(tmp_path: Path) -> None:
    text = '{"yaml.schemas": {".bt-run/schema.json": ["mine/*.yaml"]}}'
    put_settings(tmp_path, text)
    assert install_schema(tmp_path, TINY).settings == "unchanged"
    assert settings(tmp_path) == text


@pytest.mark.parametrize(
    "text", ['{\n  // mine\n  "a": 1,\n}\n', "[]", '{"yaml.schemas": []}', ""]
)
def test_what_is_not_plain_settings_is_not_touched(tmp_path: Path, text: str) -> None:
    put_settings(tmp_path, text)
    done = install_schema(tmp_path, TINY)
    assert done.settings == "not touched"
    assert json.loads(done.add) == {"yaml.schemas": {".bt-run/schema.json": "*.yaml"}}
    assert settings(tmp_path) == text


def test_a_setting_added_by_hand_among_comments_is_seen(tmp_path: Path) -> None:
    put_settings(
        tmp_path,
        '{\n  // mine\n  "yaml.schemas": {".bt-run/schema.json": "*.yaml"},\n}\n',
    )
    assert install_schema(tmp_path, TINY).settings == "unchanged"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"missing: expected an existing folder, .*; found nothing there",
    ):
        install_schema(tmp_path / "missing", TINY)
    (tmp_path / "plugin.py").touch()
    with pytest.raises(
        ConfigError,
        match=r"plugin\.py: expected an existing folder, .*; found a file there",
    ):
        install_schema(tmp_path / "plugin.py", TINY)


def test_the_command_tells_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["schema", str(EXAMPLES / "local_plugin.py"), "--install", str(tmp_path)])
        == 0
    )
    told = capsys.readouterr().out
    assert f"schema: {tmp_path / SCHEMA_FILE}: written" in told
    assert f"VS Code: {tmp_path / SETTINGS_FILE}: written" in told
    assert "# yaml-language-server: $schema=.bt-run/schema.json" in told
    assert '"near_high"' in (tmp_path / SCHEMA_FILE).read_text()


def test_without_a_folder_it_is_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    put_settings(tmp_path, "{ // mine\n}")
    assert main(["schema", "--install"]) == 0
    assert (tmp_path / SCHEMA_FILE).is_file()
    assert 'add this to it by hand:\n{\n    "yaml.schemas"' in capsys.readouterr().out


def test_the_installed_schema_is_good_draft_7_and_takes_the_examples(
    tmp_path: Path,
) -> None:
    """The YAML language server reads draft 7; nothing that only a newer draft knows may be in
    it.
    """
    documents = {path.name: as_json(path) for path in RUNS if path.parent == EXAMPLES}
    local = {
        EXAMPLES / name
        for document in documents.values()
        for name in document.get("plugins", ())
    }
    install_schema(tmp_path, json_schema(catalogue(get_plugin_manager(sorted(local)))))
    text = (tmp_path / SCHEMA_FILE).read_text()
    schema = json.loads(text)
    Draft7Validator.check_schema(schema)
    assert not re.search(
        r'"(prefixItems|unevaluated\w+|dependent\w+|minContains|maxContains|\$dynamicRef)":',
        text,
    )
    for name, document in documents.items():
        assert not [
            error.message for error in Draft7Validator(schema).iter_errors(document)
        ], name


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_every_example_names_the_schema_that_would_be_installed_beside_the_examples(
    path: Path,
) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    up = "../" * (len(path.relative_to(EXAMPLES).parts) - 1)
    assert first == f"# yaml-language-server: $schema={up}{SCHEMA_FILE}"
