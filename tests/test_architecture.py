"""The rules of the house: who may import whom, and how long things may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from kit.places import PUBLIC_MODULES

import bt_run
from bt_run.plugins import catalogue, get_plugin_manager

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for root in ("framework", "plugins", "strategies")
    for path in (ROOT / root).rglob("*.py")
)
CORE = ROOT / "framework" / "bt_run"
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 400, 50, 6
FORBIDDEN_WORDS = ("manager", "helper", "base", "utils")
# a command's parameters are its options, and click hands them over one by one
COMMANDS = (
    CORE / "cli" / "entry.py",
    CORE / "cli" / "run_commands.py",
    CORE / "cli" / "runs_commands.py",
    CORE / "cli" / "check_commands.py",
    CORE / "cli" / "init_command.py",
    CORE / "cli" / "new_command.py",
    ROOT / "plugins" / "bt_run_plugins" / "studies" / "commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "policy" / "commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "policy" / "proposal_commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "fetch_commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "inspect_command.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "pack_commands.py",
    ROOT / "plugins" / "bt_run_plugins" / "market_data" / "terminal.py",
)
# a worker ends itself: nothing else stops a library that never returns, or outlives its driver
WORKERS = (
    CORE / "studies" / "time_limits.py",
    ROOT / "plugins" / "bt_run_plugins" / "executors" / "local.py",
)
# the floors of the core, from the ground up: a folder imports its own floor and those below
FLOORS = (
    ("errors", "arrays", "text", "atomic", "libraries", "model"),
    ("guard", "terms", "data"),
    ("component", "catalogue"),
    ("config", "decision", "account"),
    ("results",),
    ("roles", "hookspecs", "plugins", "causality"),
    ("engine",),
    ("learning",),
    ("backtest",),
    ("checks", "studies"),
    ("testing",),
    ("cli",),
)
# own modules imported inside functions, each with its reason
LATE = {
    ("bt_run", "bt_run.backtest.configuration"): "a plugin needs no YAML reader",
    (
        "bt_run.backtest.playing",
        "bt_run.engine.classic",
    ): "Backtrader takes its time, and help needs none of it",
    ("bt_run.backtest.playing", "bt_run.engine.panel"): "the same",
    ("bt_run.learning.rehearsal", "bt_run.engine.panel"): "the same",
    (
        "bt_run.testing.pytest_plugin",
        "bt_run.errors",
    ): "every pytest loads it wherever bt-run is installed",
    ("bt_run.testing.pytest_plugin", "bt_run.testing.conformance"): "the same",
}

each_source = pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: str(path.relative_to(ROOT))
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


# words of the core that a component has for its name too: a baseline, a metric, a test of luck
SHARED_WORDS = {"calendar", "costs", "equal_weight", "members", "rotation", "spread"}
SHARED_WORDS |= {"windows"}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each imported module, with the names taken from it."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{path}:{node.lineno}: a relative import; write the full name"
            )
            yield node.module or "", tuple(alias.name for alias in node.names)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def own_imports() -> dict[str, set[str]]:
    """Return every module of ours with those of ours that it imports, anywhere in its text."""
    known = {module_name(path): path for path in SOURCES}
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        targets: set[str] = set()
        for module, names in imports(path):
            if module in known:
                inner = {f"{module}.{item}" for item in names} & known.keys()
                targets |= inner or {module}
        found[name] = targets - {name}
    return found


@cache
def component_names() -> frozenset[str]:
    offers = catalogue(get_plugin_manager(installed=False)).offers
    return frozenset(name for found in offers.values() for name in found)


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
        if module.split(".")[0] != "bt_run" or module in PUBLIC_MODULES:
            continue
        assert module == "bt_run", (
            f"{path.name} imports {module}; public are bt_run and {', '.join(PUBLIC_MODULES)}"
        )
        assert set(names) <= set(bt_run.__all__), (
            f"{path.name}: not public: {set(names) - set(bt_run.__all__)}"
        )


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and for annotations count like the others."""
    remaining = {module: set(targets) for module, targets in own_imports().items()}
    # take away what imports nothing that is left; what is never taken away stands on a circle
    while leaves := [
        module
        for module, targets in remaining.items()
        if not targets & remaining.keys()
    ]:
        for module in leaves:
            del remaining[module]
    assert not remaining, f"circles among {sorted(remaining)}"


def test_the_core_has_floors() -> None:
    height = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    for module, targets in own_imports().items():
        parts = module.split(".")
        if parts[0] != "bt_run" or len(parts) == 1:
            continue
        for target in targets:
            if target == "bt_run":
                continue
            below = target.split(".")[1]
            assert height[below] <= height[parts[1]], (
                f"{module} imports {target}, which stands above it"
            )


def test_decisions_know_neither_accounts_nor_files_nor_clocks() -> None:
    for path in (CORE / "decision").glob("*.py"):
        for module, _ in imports(path):
            assert module.split(".")[0] not in (
                "os",
                "io",
                "pathlib",
                "time",
                "datetime",
                "random",
            ), path
            assert not module.startswith(
                ("bt_run.account", "bt_run.engine", "bt_run.results")
            ), path


@each_source
def test_own_modules_are_imported_at_the_top(path: Path) -> None:
    module = module_name(path)
    for node in ast.walk(parse(path)):
        if isinstance(node, Function):
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and (
                    inner.module or ""
                ).startswith("bt_run"):
                    assert (module, inner.module) in LATE, (
                        f"{path}:{inner.lineno}: {inner.module} inside a function"
                    )


def test_every_late_import_is_there() -> None:
    imported = own_imports()
    assert not [pair for pair in LATE if pair[1] not in imported[pair[0]]]


@each_source
def test_a_module_and_a_function_share_no_name(path: Path) -> None:
    assert path.stem not in [
        node.name for node in parse(path).body if isinstance(node, Function)
    ]


def test_modules_have_no_leading_underscore() -> None:
    assert not [
        path
        for path in SOURCES
        if path.stem.startswith("_") and path.name != "__init__.py"
    ]


@each_source
def test_the_core_names_no_plugin(path: Path) -> None:
    """Components are named by users; what the command line writes for a beginner is theirs to
    change.
    """
    if CORE not in path.parents or CORE / "cli" in path.parents:
        return
    constants = {
        node.value for node in ast.walk(parse(path)) if isinstance(node, ast.Constant)
    }
    named = {value for value in constants if isinstance(value, str)} & component_names()
    # the usual broker, and the source that prices in memory go by
    known = {"run_config.py": {"simulated", "every_asset"}, "in_memory.py": {"frames"}}
    known["export.py"] = {"csv", "parquet"}  # formats, whatever components are called
    assert named <= SHARED_WORDS | known.get(path.name, set()), path


@each_source
def test_backtrader_is_imported_in_the_engine_only(path: Path) -> None:
    if CORE / "engine" in path.parents or path.parent.name == "bt_run_strategies":
        return
    assert not [
        module for module, _ in imports(path) if module.split(".")[0] == "backtrader"
    ]


@each_source
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


@each_source
def test_functions_fit_a_screen(path: Path) -> None:
    assert not [
        f"{f.name}: {body_lines(f)} lines"
        for f in functions(path)
        if body_lines(f) > FUNCTION_LINES
    ]


@each_source
def test_functions_take_few_parameters_and_pass_none_on_blindly(path: Path) -> None:
    if path not in COMMANDS:
        assert not [
            f"{f.name}{parameters(f)}"
            for f in functions(path)
            if len(parameters(f)) > PARAMETERS
        ]
        # columns of a typed dictionary are named one by one
        assert not [
            f.name
            for f in functions(path)
            if f.args.kwarg and "Unpack" not in ast.unparse(f.args)
        ]


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
                *(() if path in WORKERS else ("os._exit",)),
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.unparse(node.exc)


@each_source
def test_names_say_what_things_are(path: Path) -> None:
    names = [path.stem]
    names += [
        node.name
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef | Function)
    ]
    for name in names:
        words = {
            word.lower()
            for word in "".join(f" {c}" if c.isupper() else c for c in name)
            .replace("_", " ")
            .split()
        }
        # pluggy's own word for what it returns
        if name != "get_plugin_manager":
            assert not words & set(FORBIDDEN_WORDS), f"{path.name}: {name}"


@each_source
def test_modules_keep_no_state(path: Path) -> None:
    for node in parse(path).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [getattr(node, "target", None)]
        )
        public = [ast.unparse(target) for target in targets if target is not None]
        if public != ["__all__"]:
            assert not isinstance(value, ast.Dict | ast.List | ast.Set), (
                f"{path.name}: {public} can be changed"
            )
        assert not isinstance(node, ast.Global)


@each_source
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parse(path)), f"{path} lacks a docstring"


CLOCKS = re.compile(
    r"perf_counter|monotonic\(|process_time|time\.time\(|time\.sleep|\bsleep\("
    r"|datetime\.now|utcnow|date\.today|Timestamp\.now|deadline"
)


def test_no_test_has_a_clock_of_its_own() -> None:
    """A busy machine is no fault. Hypothesis gets its profile in conftest.py."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path not in (Path(__file__), ROOT / "tests" / "conftest.py"):
            found = CLOCKS.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path}: {found and found[0]}"
