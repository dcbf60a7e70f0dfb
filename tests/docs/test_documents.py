"""What the documents say is run, or compared with what the program says."""

import contextlib
import io
import json
import re
import sys
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from kit.places import ROOT
from ruamel.yaml import YAML

from bt_run.backtest.configuration import load_config
from bt_run.config.schema import json_schema
from bt_run.plugins import catalogue, get_plugin_manager

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
each_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(
        rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S
    )


def pages_with(language: str) -> list[Path]:
    return [
        path
        for path in DOCUMENTS
        if f"```{language}\n" in path.read_text(encoding="utf-8")
    ]


def run_blocks(code: str, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run ``code`` in a module of its own, and return what it prints."""
    module = ModuleType(name)
    monkeypatch.setitem(
        sys.modules, name, module
    )  # pydantic and Backtrader look a class's module up there
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, name, "exec"), vars(module))
    return printed.getvalue()


@pytest.mark.parametrize("path", pages_with("python"), ids=lambda path: path.name)
def test_python_blocks_run(path, files_of, tmp_path, monkeypatch):
    """The blocks of a page share one namespace, as a reader would type them, at the top of the
    project.

    A page that has files to save is read in a folder of its own instead.
    """
    files = files_of(path)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path if files else ROOT)
    code = [text for text in blocks(path, "python") if text not in files.values()]
    printed = run_blocks("\n".join(code), f"page_{path.stem}", monkeypatch)
    assert printed == "".join(blocks(path, "text"))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs").glob("coming_from_*.md")), ids=lambda path: path.name
)
def test_the_code_of_another_framework_runs_where_it_is_installed(path, monkeypatch):
    """Such a block is marked ``py``; a page has one, with its output in a block ``output``."""
    (code,) = blocks(path, "py")
    compile(code, path.name, "exec")
    framework = path.stem.removeprefix("coming_from_")
    if find_spec(framework) is None:
        pytest.skip(
            f"{framework} is not installed here, so its idiom is shown and not run"
        )
    assert run_blocks(code, f"their_{path.stem}", monkeypatch) == "".join(
        blocks(path, "output")
    )


@each_document
def test_yaml_blocks_are_yaml(path):
    for text in blocks(path, "yaml"):
        assert YAML(typ="safe").load(text)


MISTAKE = "fats"  # of the quickstart, on purpose


@pytest.mark.parametrize("path", pages_with("yaml"), ids=lambda path: path.name)
def test_yaml_blocks_say_only_what_a_run_file_may_say(path, files_of, tmp_path):
    local = [ROOT / "examples" / "local_plugin.py"]
    for name, text in files_of(path).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        local += [tmp_path / name] if name.endswith(".py") else []
    schema = Draft202012Validator(json_schema(catalogue(get_plugin_manager(local))))
    for text in blocks(path, "yaml"):
        # with `extends`, whatever a part leaves out may stand in another file
        part = {"extends": "x.yaml"} | json.loads(
            json.dumps(YAML(typ="safe").load(text), default=str)
        )
        assert MISTAKE in text or not [
            error.message for error in schema.iter_errors(part)
        ], text


@each_document
def test_links_lead_somewhere(path):
    for target in re.findall(
        r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")
    ):
        if "://" not in target:
            assert (path.parent / target).exists(), target


FRONT = pytest.mark.parametrize(
    "path", [ROOT / "README.md", ROOT / "docs" / "index.md"], ids=lambda path: path.name
)


@FRONT
def test_the_front_door_shows_the_example_with_all_that_it_says(path, tmp_path):
    file = tmp_path / "spy_qqq.yaml"
    file.write_text(blocks(path, "yaml")[0], encoding="utf-8")
    example = load_config(ROOT / "examples" / "spy_qqq.yaml")
    assert load_config(file).model_dump() == example.model_dump()


@FRONT
def test_the_front_door_shows_what_the_command_prints(path, tmp_path, monkeypatch):
    from bt_run.cli.entry import command_line

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BT_RUN_NO_LEDGER")
    Path("spy_qqq.yaml").write_text(blocks(path, "yaml")[0], encoding="utf-8")
    printed = (
        CliRunner().invoke(command_line(), ["spy_qqq.yaml", "--no-reports"]).stdout
    )
    assert blocks(path, "console")[-1].strip() in printed


@FRONT
def test_the_front_door_installs_everything_and_shows_the_page(path):
    text = path.read_text(encoding="utf-8")
    assert "pip install 'bt-run[all]'\n" in text
    assert "pipx install 'bt-run[all]'" in text
    assert "uvx --from 'bt-run[all]' bt-run" in text
    assert "images/report.png)" in text
    assert "example_report.html" in text


def test_the_readme_shows_how_a_local_plugin_is_named():
    _, named = blocks(ROOT / "README.md", "yaml")
    for line in named.splitlines():
        assert line in (ROOT / "examples" / "local_plugin.yaml").read_text(
            encoding="utf-8"
        )


@each_document
def test_an_extra_on_a_page_is_one_that_there_is(path):
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    known = {name.replace("_", "-") for name in setup["options.extras_require"]}
    for named in re.findall(r"bt-run\[([a-z,-]+)\]", path.read_text(encoding="utf-8")):
        assert set(named.split(",")) <= known


def test_the_quickstart_lists_every_extra_with_what_it_brings():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, flags=re.M))
    assert list(rows) == [
        "samples",
        "tracker",
        "yahoo",
        "learning",
        "dask",
        "tune",
        "policy",
        "postgres",
        "all",
    ]
    for extra in list(rows)[:-1]:
        brings = set(re.findall(r"^\w+", setup["options.extras_require"][extra], re.M))
        # what comes with the base in any case, and other extras
        assert set(rows[extra].split(", ")) == brings - {"scipy", "bt"}


def test_the_readme_shows_the_local_plugin_as_it_is():
    (shown,) = blocks(ROOT / "README.md", "python")
    source = (ROOT / "examples" / "local_plugin.py").read_text(encoding="utf-8")
    assert source.split('"""', 2)[2].strip() == shown.strip()


def test_the_quickstarts_mistake_is_reported(tmp_path):
    from bt_run import ConfigError

    (mistake,) = blocks(ROOT / "docs" / "quickstart.md", "yaml")
    text = (ROOT / "examples" / "spy_qqq.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("strategy:"))
    file = tmp_path / "mistake.yaml"
    file.write_text(text.replace(line + "\n", mistake))
    with pytest.raises(ConfigError, match=r"did you mean 'fast'\?"):
        load_config(file)


def test_every_result_file_is_in_the_reference(tmp_path):
    from bt_run import run

    result = run(
        load_config(ROOT / "examples" / "spy_qqq.yaml", ["data.end=2000-06-30"]),
        tmp_path,
    )
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for file in result.folder.iterdir():
        assert f"`{file.name}`" in text
    for name, table in result.tables.items():
        row = next(
            line for line in text.splitlines() if line.startswith(f"| `{name}.parquet`")
        )
        columns = [
            c
            for c in table.reset_index().columns
            if c != "index" and not c.startswith("overlay_")
        ]
        assert all(column in row for column in columns), name
