"""Everything that can change a result is in the id, and is checked before it runs."""

import json
import os
import subprocess
import sys

import pytest
from kit.small_project import YAML, agreed, make_project, members_of, zip_of

from bt_run import PluginError, load_config, run
from bt_run.checks.reproduction import reproduce
from bt_run.results.bundle import pack_run

# offers no component, and halves what every basket fills
PATCH = """
from dataclasses import replace
from bt_run.account import account, basket

def fewer(given, costs, **limits):
    filled = basket.fill_basket(given, costs, **limits)
    return replace(filled, filled=filled.filled * {share})

account.fill_basket = fewer
"""
SHOWN = """
import sys
from bt_run import load_config, run
result = run(load_config(sys.argv[1]), sys.argv[2], reports=False)
print(result.run_id, result.nav["nav"].iloc[-1])
"""


@pytest.fixture
def project(tmp_path):
    """Return a project whose YAML file names a second plugin file, which offers nothing."""
    place = make_project(tmp_path / "project")
    (place / "patch.py").write_text(PATCH.format(share=1.0))
    text = YAML.replace("[local.py]", "[local.py, patch.py]")
    (place / "small.yaml").write_text(text)
    return place


def played(project):
    """Return id and last NAV of the run, in a process of its own that the patch cannot outlive."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, "small.yaml", "runs"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    run_id, nav = done.stdout.split()
    return run_id, float(nav)


def test_a_file_that_offers_nothing_and_changes_the_result_changes_the_id(project):
    one = played(project)
    (project / "patch.py").write_text(PATCH.format(share=0.5))
    other = played(project)
    assert one[1] != other[1]
    assert one[0] != other[0]
    manifest = json.loads(
        (project / "runs" / "small" / other[0] / "manifest.json").read_text()
    )
    assert "patch.py" in manifest["sources"]


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("import near", "near.py"),
        ("from deep import share", "deep/share.py"),
        ("from deep.share import SHARE", "deep/share.py"),
        ("from inits.share import SHARE", "inits/__init__.py"),
        ("from relative import first", "relative/second.py"),
        ("def later():\n    import near", "near.py"),
        ("import runpy", "near.py"),
        ("exec('import near')", "near.py"),
    ],
)
def test_what_such_a_file_imports_from_beside_it_changes_the_id(project, line, file):
    texts = {
        "near.py": "SHARE = 1.0\n",
        "deep/share.py": "SHARE = 1.0\n",
        "inits/__init__.py": "",
        "inits/share.py": "SHARE = 1.0\n",
        "relative/__init__.py": "",
        "relative/first.py": "from .second import SHARE\n",
        "relative/second.py": "SHARE = 1.0\n",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    (project / "patch.py").write_text(f"{line}\n")
    before = run(load_config(project / "small.yaml")).run_id
    with (project / file).open("a") as text:
        text.write("SHARE = 0.5\n")
    assert run(load_config(project / "small.yaml")).run_id != before


def test_the_order_of_such_files_changes_the_id(project):
    (project / "other.py").write_text(PATCH.format(share=0.5))
    ids = []
    for order in ("[local.py, patch.py, other.py]", "[local.py, other.py, patch.py]"):
        text = YAML.replace("[local.py]", order)
        (project / "small.yaml").write_text(text)
        ids.append(played(project))
    assert ids[0][1] != ids[1][1]
    assert ids[0][0] != ids[1][0]


def test_where_a_project_lies_does_not_change_the_id(project, tmp_path):
    before = run(load_config(project / "small.yaml")).run_id
    moved = project.rename(tmp_path / "moved")
    assert run(load_config(moved / "small.yaml")).run_id == before


def test_a_bundle_whose_silent_file_was_swapped_is_not_identical_and_not_run(
    project, tmp_path
):
    run_id, _ = played(project)
    pack_run(project / "runs" / "small" / run_id, tmp_path / "it.zip", with_data=True)
    mark = tmp_path / "mark.txt"
    members = members_of(tmp_path / "it.zip")
    swapped = f"open({str(mark)!r}, 'w').close()\n"
    members["plugins/1/patch.py"] += swapped.encode()
    found = reproduce(zip_of(members, tmp_path / "swapped.zip"), agree=agreed)
    assert not found.identical
    assert found.text.startswith(f"run {run_id} differs: component source")
    assert not mark.exists()


REWRITES = """
from pathlib import Path
Path(__file__).write_text({text!r})
"""


def test_a_file_that_puts_an_innocent_one_in_its_place_is_refused(project):
    innocent = (project / "patch.py").read_text()
    (project / "patch.py").write_text(REWRITES.format(text=innocent))
    expected = (
        r"patch\.py: the plugin or what it imports .* code that does not change itself"
    )
    with pytest.raises(PluginError, match=expected):
        load_config(project / "small.yaml")


def test_a_bundle_whose_file_restores_the_recorded_one_is_not_run(project, tmp_path):
    run_id, _ = played(project)
    pack_run(project / "runs" / "small" / run_id, tmp_path / "it.zip", with_data=True)
    members = members_of(tmp_path / "it.zip")
    innocent = members["plugins/1/patch.py"].decode()
    mark = tmp_path / "mark.txt"
    wicked = REWRITES.format(text=innocent) + f"Path({str(mark)!r}).write_text('ran')\n"
    members["plugins/1/patch.py"] = wicked.encode()
    found = reproduce(zip_of(members, tmp_path / "swapped.zip"), agree=agreed)
    assert not found.identical
    assert not mark.exists()


def test_a_file_that_is_edited_while_the_run_goes_on_is_refused(project):
    """So that no id is given to a result of which nobody knows the code."""
    hook = """
from pathlib import Path
from bt_run import hookimpl

@hookimpl
def bt_before_run(config, bars):
    with Path(__file__).open("a") as text:
        text.write("# edited")
"""
    (project / "patch.py").write_text(hook)
    with pytest.raises(PluginError, match="was changed while the run went on"):
        run(load_config(project / "small.yaml"))
