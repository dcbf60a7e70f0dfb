"""The rules of the house: who may import whom, and how long things may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bt_run

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for root in ("framework", "plugins", "strategies") for path in (ROOT / root).rglob("*.py"))
CORE = ROOT / "framework" / "bt_run"
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 400, 50, 6
FORBIDDEN_WORDS = ("manager", "helper", "base", "utils")
# a command's parameters are its options, and click hands them over one by one
COMMANDS = (
    CORE / "cli.py",
    CORE / "commands.py",
    CORE / "scaffold_commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "commands.py",
)

each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each imported module, with the names taken from it."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write the full name"
            yield node.module or "", tuple(alias.name for alias in node.names)


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(parse(path)):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    """Count the lines of the body without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> list[str]:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument.arg for argument in given if argument.arg not in ("self", "cls")]


@each_source
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[1]
    allowed = {"bt_run": {"bt_run"}}.get(package, {"bt_run", package})
    for module, _ in imports(path):
        top = module.split(".")[0]
        if top.startswith("bt_run"):
            assert top in allowed, f"{path.name} imports {module}"


@each_source
def test_plugins_and_strategies_use_public_names_only(path: Path) -> None:
    if CORE in path.parents:
        return
    for module, names in imports(path):
        if module.split(".")[0] == "bt_run":
            assert module == "bt_run", f"{path.name} imports {module}; its public names are in bt_run"
            assert set(names) <= set(bt_run.__all__), f"{path.name}: not public: {set(names) - set(bt_run.__all__)}"


@each_source
def test_backtrader_is_imported_in_the_engine_only(path: Path) -> None:
    if CORE / "engine" in path.parents or path.parent.name == "bt_run_strategies":
        return
    assert not [module for module, _ in imports(path) if module.split(".")[0] == "backtrader"]


@each_source
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


@each_source
def test_functions_fit_a_screen(path: Path) -> None:
    assert not [f"{f.name}: {body_lines(f)} lines" for f in functions(path) if body_lines(f) > FUNCTION_LINES]


@each_source
def test_functions_take_few_parameters_and_pass_none_on_blindly(path: Path) -> None:
    if path not in COMMANDS:
        assert not [f"{f.name}{parameters(f)}" for f in functions(path) if len(parameters(f)) > PARAMETERS]
        # columns of a typed dictionary are named one by one
        assert not [f.name for f in functions(path) if f.args.kwarg and "Unpack" not in ast.unparse(f.args)]


@each_source
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    if path in COMMANDS:
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in (
                "print",
                "sys.exit",
                "exit",
                "quit",
                "click.echo",
                "os._exit",
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.unparse(node.exc)


@each_source
def test_names_say_what_things_are(path: Path) -> None:
    names = [path.stem]
    names += [node.name for node in ast.walk(parse(path)) if isinstance(node, ast.ClassDef | Function)]
    for name in names:
        words = {
            word.lower() for word in "".join(f" {c}" if c.isupper() else c for c in name).replace("_", " ").split()
        }
        # pluggy's own word for what it returns
        if name != "get_plugin_manager":
            assert not words & set(FORBIDDEN_WORDS), f"{path.name}: {name}"


@each_source
def test_modules_keep_no_state(path: Path) -> None:
    for node in parse(path).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        public = [ast.unparse(target) for target in targets if target is not None]
        if public != ["__all__"]:
            assert not isinstance(value, ast.Dict | ast.List | ast.Set), f"{path.name}: {public} can be changed"
        assert not isinstance(node, ast.Global)


@each_source
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parse(path)), f"{path} lacks a docstring"
