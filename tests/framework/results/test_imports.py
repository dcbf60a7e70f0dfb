"""What a file imports, and what of it lies beside it."""

import ast

import pytest
from kit.places import ROOT

from bt_run.results.imports import imported_modules, local_code


def imports_by_parsing(source, package):
    """Find what ``imported_modules`` finds by a second method: Python's own parser."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            kept = package.split(".")[: len(package.split(".")) - node.level + 1]
            parts = [
                *(kept if node.level else ()),
                *([node.module] if node.module else []),
            ]
            origin = ".".join(parts)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


TRICKY = """
import os, json as j  # both
if True: import re; import sys
from .near import (  # a list
    one,  # the first
    two as second,
)
from .. import above
def later():
    from far.away import \\
        thing
"""


def test_imports_are_those_that_the_parser_finds():
    assert set(imported_modules(TRICKY, "a.b")) == set(
        imports_by_parsing(TRICKY, "a.b")
    )


@pytest.mark.parametrize("root", ["framework", "plugins", "strategies", "examples"])
def test_no_import_of_our_own_modules_is_missed(root):
    for path in (ROOT / root).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        missed = set(imports_by_parsing(source, "")) - set(imported_modules(source))
        assert not missed, path


# -- what lies beside a file -----------------------------------------------------------------------


def beside(folder):
    return sorted(local_code(folder / "mine.py").files)


def write(folder, **texts):
    """Write modules; a double underscore in a name stands for a folder."""
    for name, text in texts.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "line",
    [
        "import near",
        "def late():\n    from near import x",
        "import os; import near",
        "if True: from near import (\n    x,\n)",
    ],
)
def test_a_neighbour_counts_however_it_is_imported(tmp_path, line):
    write(tmp_path, mine=f"{line}\n", near="x = 1\n", other="x = 1\n")
    assert beside(tmp_path) == ["mine.py", "near.py"]


def test_a_package_beside_counts_with_the_inits_on_the_way(tmp_path):
    write(
        tmp_path,
        mine="import deep.inner.used\n",
        deep__inner__used="",
        deep__not_used="",
    )
    (tmp_path / "deep" / "__init__.py").write_text("")
    assert beside(tmp_path) == ["deep/__init__.py", "deep/inner/used.py", "mine.py"]


@pytest.mark.parametrize("line", ["from .sibling import x", "from . import sibling"])
def test_relative_imports_in_a_package_beside_are_followed(tmp_path, line):
    write(tmp_path, mine="from deep import used\n", deep__used=f"{line}\n")
    write(tmp_path, deep__sibling="x = 1\n", sibling="x = 2\n")
    assert beside(tmp_path) == ["deep/sibling.py", "deep/used.py", "mine.py"]


def test_relative_imports_of_a_plugin_that_is_a_package_are_followed(tmp_path):
    (tmp_path / "__init__.py").write_text("from . import near\n")
    write(tmp_path, near="x = 1\n")
    found = local_code(tmp_path / "__init__.py").files
    assert sorted(found) == ["__init__.py", "near.py"]


@pytest.mark.parametrize(
    "line",
    [
        'importlib.import_module("near")',
        'from importlib import import_module as load\nload("near")',
        '__import__("near")',
        'exec(open("near.py").read())',
        'runpy.run_path("near.py")',
        'spec_from_file_location("x", "near.py")',
    ],
)
def test_a_file_that_loads_others_at_run_time_counts_with_all_beside_it(tmp_path, line):
    write(tmp_path, mine=f"{line}\n", near="", deep__far="", environment__lib="")
    (tmp_path / "environment" / "pyvenv.cfg").write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "near.pyc").write_bytes(b"")
    assert beside(tmp_path) == ["deep/far.py", "mine.py", "near.py"]


def test_a_compiled_neighbour_counts(tmp_path):
    write(tmp_path, mine="import near\n")
    (tmp_path / "near.abi3.so").write_bytes(b"machine code")
    (tmp_path / "near.pyc").write_bytes(b"bytecode")
    assert beside(tmp_path) == ["mine.py", "near.abi3.so", "near.pyc"]


def test_what_lies_elsewhere_is_named(tmp_path):
    write(tmp_path, mine="import numpy, near\nfrom far import x\n", near="import far\n")
    assert local_code(tmp_path / "mine.py").imports == ("numpy", "far", "far.x")
