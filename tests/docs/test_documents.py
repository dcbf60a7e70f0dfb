"""What the documents say is run, or compared with what the program says."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from bt_run import hookspecs
from bt_run.config import load_config

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if "```python" in path.read_text(encoding="utf-8")], ids=lambda path: path.name
)
def test_python_blocks_run(path):
    """The blocks of a page share one namespace, as a reader would type them."""
    code = "\n".join(blocks(path, "python"))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(blocks(path, "text"))


@each_document
def test_yaml_blocks_are_yaml(path):
    for text in blocks(path, "yaml"):
        assert YAML(typ="safe").load(text)


@each_document
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readme_shows_the_example_as_it_is():
    (shown, named) = blocks(ROOT / "README.md", "yaml")
    assert shown in (ROOT / "examples" / "spy_qqq.yaml").read_text(encoding="utf-8")
    for line in named.splitlines():
        assert line in (ROOT / "examples" / "local_plugin.yaml").read_text(encoding="utf-8")


def test_the_readme_shows_the_local_plugin_as_it_is():
    (shown,) = blocks(ROOT / "README.md", "python")
    source = (ROOT / "examples" / "local_plugin.py").read_text(encoding="utf-8")
    assert source.split('"""', 2)[2].strip() == shown.strip()


def test_the_readme_shows_what_the_command_prints(tmp_path):
    from bt_run.cli import command_line

    (shown,) = blocks(ROOT / "README.md", "console")
    arguments = [str(ROOT / "examples" / "spy_qqq.yaml"), "--no-reports", "--out", str(tmp_path)]
    printed = CliRunner().invoke(command_line(), arguments).stdout
    assert shown.strip() in printed


def test_every_hook_is_in_the_reference_with_its_arguments():
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    listed = re.findall(r"\| `(bt_\w+)\(([^)]*)\)`", text)
    real = [
        (name, ", ".join(inspect.signature(hook).parameters))
        for name, hook in vars(hookspecs).items()
        if name.startswith("bt_")
    ]
    assert listed == real


def test_the_quickstarts_mistake_is_told(tmp_path):
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

    result = run(load_config(ROOT / "examples" / "spy_qqq.yaml", ["data.end=2000-06-30"]), tmp_path)
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for file in result.folder.iterdir():
        assert f"`{file.name}`" in text
    for name, table in result.tables.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}.parquet`"))
        columns = [c for c in table.reset_index().columns if c != "index" and not c.startswith("overlay_")]
        assert all(column in row for column in columns), name
