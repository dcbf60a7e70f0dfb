"""What is installed is what is in the house."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from configparser import ConfigParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bt_run_plugins.market_data.fetching.yahoo import LIBRARIES as YAHOO
from bt_run_plugins.sizers.qp_tracker.sizer import LIBRARIES as TRACKER
from bt_run_plugins.sources.sample import LIBRARIES as SETS

ROOT = Path(__file__).parents[1]
SAMPLES = {module: brings for one in SETS.values() for module, brings in one.items()}
ROOTS = ("framework", "plugins", "strategies")
FOLDERS = {
    ".ci",
    "benchmarks",
    "docs",
    "examples",
    "framework",
    "plugins",
    "strategies",
    "tests",
}
# what git does not keep, or keeps for itself
PRIVATE = {".git", ".github", ".venv", ".cache", "build", "dist", "runs"}


def setup() -> ConfigParser:
    found = ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


def listed(section: str, key: str) -> list[str]:
    return [line.strip() for line in setup()[section][key].splitlines() if line.strip()]


def packages_in(folder: Path) -> set[str]:
    return {
        ".".join(path.parent.relative_to(folder).parts)
        for path in folder.rglob("__init__.py")
    }


def test_every_package_is_listed() -> None:
    found = set().union(*(packages_in(ROOT / root) for root in ROOTS)) | {
        "bt_run_examples"
    }
    assert set(listed("options", "packages")) == found


def test_every_folder_that_holds_python_is_a_package() -> None:
    for root in ROOTS:
        for path in (ROOT / root).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), (
                f"{path.parent} lacks an __init__.py"
            )


def test_the_top_holds_no_unknown_folder() -> None:
    hidden = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and path.name.endswith(("_cache", ".egg-info"))
    }
    found = {path.name for path in ROOT.iterdir() if path.is_dir()} - PRIVATE - hidden
    assert found - {"__pycache__", ".hypothesis"} == FOLDERS


def test_metadata_is_in_setup_cfg_only() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "[build-system]" in text
    assert "[project]" not in text
    assert not (ROOT / "setup.py").exists()


# what the house is built on, by the names that users know
NAMED = {
    "backtrader",
    "click",
    "cvxpy",
    "lightgbm",
    "osqp",
    "pandas",
    "pluggy",
    "pyfolio-reloaded",
    "xgboost",
    "yfinance",
}
OWN = re.compile(r"bt-run\[(.*)\]")


def normal(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def names(lines: list[str]) -> set[str]:
    """Return the distributions that lines of requirements name."""
    return {
        normal(re.split(r"[=>\[]", line)[0])
        for line in lines
        if line[:1] not in ("#", "")
    }


def brought_by(extra: str) -> set[str]:
    """Return the distributions of an extra, those of the extras that it names included."""
    extras = {normal(key): key for key in setup()["options.extras_require"]}
    found: set[str] = set()
    for line in listed("options.extras_require", extras[extra]):
        own = OWN.fullmatch(line)
        if own is None:
            found |= names([line])
        else:
            found |= set().union(*map(brought_by, own[1].split(",")))
    return found


def base() -> set[str]:
    return names(listed("options", "install_requires"))


def test_every_requirement_has_a_tested_version() -> None:
    tested = names((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert base() | brought_by("dev") <= tested


def test_everything_is_what_the_house_names() -> None:
    assert base() | brought_by("all") >= NAMED
    assert brought_by("all") <= brought_by("dev")


def test_the_base_holds_no_part_of_an_extra() -> None:
    assert not base() & brought_by("all")
    extras = {
        *("samples", "tracker", "yahoo", "learning", "excel", "dask", "tune"),
        *("policy", "postgres"),
    }
    assert brought_by("all") == set().union(*map(brought_by, extras))


def test_an_earlier_name_of_an_extra_still_works() -> None:
    assert brought_by("large-caps") == {"skfolio"} <= brought_by("samples")


@pytest.mark.parametrize("libraries", [TRACKER, YAHOO, SAMPLES], ids=str)
def test_an_extra_that_an_error_names_brings_the_library(
    libraries: Mapping[str, str],
) -> None:
    for module, requirement in libraries.items():
        own = OWN.fullmatch(requirement)
        assert own is not None
        assert normal(module) in brought_by(own[1])


def test_constraints_name_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or line.count("==") == 1, line
        assert "/" not in line


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="bt-run")
    assert script.value == "bt_run.cli.entry:main"


def make(*words: str) -> subprocess.CompletedProcess[str]:
    # the suite itself may have been started by make
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


needs_make = pytest.mark.skipif(
    shutil.which("make") is None, reason="make is not installed"
)


@needs_make
def test_make_explains_its_targets() -> None:
    done = make()
    targets = [line.split()[1] for line in done.stdout.splitlines()]
    assert targets == [
        "help",
        "demo",
        "test",
        "lint",
        "fix",
        "coverage",
        "docs",
        "picture",
        "bench",
        "evidence",
    ]


@needs_make
def test_make_says_which_python_it_needs() -> None:
    # -W: as if setup.cfg had just changed, so that an installation is due
    done = make("-W", "setup.cfg", "PYTHON=", "test")
    assert done.returncode != 0
    assert (
        "no Python 3.11, 3.12 or 3.13 with venv was found; install one" in done.stderr
    )


def files_of_the_house(root: Path) -> set[str]:
    """Return every file below the packages and the examples, as the wheel names it."""
    made = {"__pycache__", "runs", "build"}
    found = set()
    for name in (*ROOTS, "examples"):
        for path in (root / name).rglob("*"):
            parts = path.relative_to(root / name).parts
            told = {*parts, path.suffix} & {*made, ".pyc", ".egg-info"}
            if path.is_file() and not told:
                folder = ("bt_run_examples",) if name == "examples" else ()
                found.add("/".join((*folder, *parts)))
    return found


def listed_files(root: Path) -> set[str]:
    """Return what setuptools packs of a folder by setup.cfg: the modules of the listed packages,
    and what the patterns of package data find below them.
    """
    folders = dict(line.split(" = ") for line in listed("options", "package_dir"))
    patterns = setup()["options.package_data"]
    found = set()
    for package in listed("options", "packages"):
        top, *inner = package.split(".")
        folder = root.joinpath(folders[top], *inner)
        own = ["*.py", *patterns.get("*", "").split(", ")]
        own += patterns.get(package, "").split(", ")
        paths = (path for pattern in own if pattern for path in folder.glob(pattern))
        names = (path.relative_to(folder).as_posix() for path in paths)
        found |= {"/".join((top, *inner, name)) for name in names}
    return found


def test_the_wheel_holds_the_house_and_nothing_else() -> None:
    """Every template, style sheet and example is inside: what is not listed is missed by users."""
    assert listed_files(ROOT) == files_of_the_house(ROOT)


def test_the_wheel_holds_no_tests_no_pictures_and_no_data() -> None:
    held = listed_files(ROOT)
    tops = {name.split("/")[0] for name in held}
    assert tops == {"bt_run", "bt_run_plugins", "bt_run_strategies", "bt_run_examples"}
    made = {f"bt_run_examples/policy_{name}.csv" for name in ("ratings", "sectors")}
    assert made <= held  # numbers drawn at random, and public words
    kinds = {Path(name).suffix for name in held - made}
    assert kinds <= {
        ".py",
        ".typed",
        ".txt",
        ".j2",
        ".css",
        ".js",
        ".yaml",
        ".md",
        ".cfg",
        ".toml",
        ".ipynb",
        ".json",
    }
    inside = {part for name in held for part in name.split("/")[:-1]}
    assert not inside & {"tests", "docs", "images", "corpus", "runs", "benchmarks"}


@pytest.mark.parametrize(
    "name", ["page/extra.svg", "page/tests/data.csv", "forgotten.j2"]
)
def test_a_file_that_no_pattern_lists_is_noticed(tmp_path: Path, name: str) -> None:
    """The list is what setup.cfg says, not what lies in the folder."""
    for root in (*ROOTS, "examples"):
        keep = shutil.ignore_patterns("__pycache__", "runs")
        shutil.copytree(ROOT / root, tmp_path / root, ignore=keep)
    added = tmp_path / "plugins" / "bt_run_plugins" / name
    added.parent.mkdir(exist_ok=True)
    added.write_text("x")
    missed = files_of_the_house(tmp_path) - listed_files(tmp_path)
    assert missed == {f"bt_run_plugins/{name}"}


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_every_example(tmp_path: Path) -> None:
    source = tmp_path / "source"
    keep = shutil.ignore_patterns("__pycache__", "*.egg-info", "runs")
    for name in (*ROOTS, "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=keep)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            tmp_path,
            source,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("bt_run-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    packed = {name for name in held if ".dist-info/" not in name}
    assert packed == files_of_the_house(source) == listed_files(source)
