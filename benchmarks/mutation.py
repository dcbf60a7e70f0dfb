"""Mutate the fill rules and the engine one place at a time, and count the mutants that the fast
tests kill.

``make evidence`` prints the table and writes ``docs/mutation.md``. Mutants live in copies of the
repository in a temporary folder. Names of modules after the command, such as ``basket exits``, try
those only and write nothing; ``shelf`` tries the components that carry a strategy's arithmetic.
"""

from __future__ import annotations

import ast
import copy
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import backtrader  # noqa: F401  imported once here, so that no mutant pays for it
import exchange_calendars  # noqa: F401
import hypothesis
import numpy  # noqa: F401
import pandas  # noqa: F401
import pyarrow  # noqa: F401
import pydantic  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "framework/bt_run"
WORKERS = 2
TIMEOUT = 30.0  # seconds; the tests of an unchanged module take less than 10
LIMIT = 750  # mutants; more are sampled, so that a run stays at some ten minutes
SEED = 1
UNCHANGED = "unchanged"  # the folder of the copy that all others are copies of
EXAMPLES = 40  # of each property
FORK = get_context("fork")

ACCOUNT = "tests/framework/account/test_account.py"
BASKET = "tests/framework/account/test_basket.py"
EXITS = "tests/framework/account/test_exits.py"
ENGINE = "tests/framework/engine/test_panel.py"
PROOF, CLASSIC = "tests/acceptance/test_proof.py", "tests/acceptance/test_classic.py"
COSTS = "tests/plugins/brokers/test_costs.py"
TESTS = {
    "account/basket.py": (BASKET, COSTS, ACCOUNT, PROOF),
    "account/account.py": (ACCOUNT, EXITS, COSTS, PROOF),
    "account/market.py": (ACCOUNT, EXITS, COSTS, PROOF),
    "account/waiting.py": (ACCOUNT, COSTS, PROOF),
    "account/entries.py": (EXITS,),
    "account/exits.py": (EXITS,),
    "engine/panel.py": (ENGINE, EXITS, PROOF),
    "engine/clock.py": (ENGINE, CLASSIC),
    "engine/classic.py": (ENGINE, CLASSIC),
}
STRATEGIES, BOOK = "strategies/bt_run_strategies", "plugins/bt_run_plugins/sizers/book"
SHELF = {
    "account/sleeves.py": ("tests/framework/account/test_sleeves.py",),
    "decision/trading_costs.py": ("tests/framework/decision/test_trading_costs.py",),
    f"{BOOK}/accounts.py": ("tests/plugins/sizers/book/test_accounts.py",),
    **{
        f"{STRATEGIES}/{name}.py": (f"tests/strategies/test_{name}.py",)
        for name in (
            *("windows", "reversion", "selection", "momentum", "breakout"),
            *("rsi_reversion", "pairs", "top_n", "mean_reversion"),
        )
    },
}

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    one: other
    for pair in (
        (ast.Lt, ast.LtE),
        (ast.Gt, ast.GtE),
        (ast.Eq, ast.NotEq),
        (ast.Is, ast.IsNot),
        (ast.In, ast.NotIn),
        (ast.Add, ast.Sub),
        (ast.Mult, ast.Div),
        (ast.BitAnd, ast.BitOr),
        (ast.And, ast.Or),
    )
    for one, other in (pair, pair[::-1])
}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
DROPPED = (ast.Expr, ast.AugAssign, ast.Raise)
# what is not behaviour: hints, decorators, messages, and checks that a type checker needs
SKIPPED = {"annotation", "returns", "decorator_list"}
IGNORED = (ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)

# survivors: the file, source text of the mutation, and why no test tells it apart; the first that
# fits is shown
REASONS = (
    (
        "account/basket.py",
        "abs(shares - nearest) < SNAP",
        "differs at a distance of exactly 1e-9 only",
    ),
    (
        "account/basket.py",
        "np.maximum(0.0, np.abs(shares))",
        "the bound moves by less than 1e-18 where a snap is possible",
    ),
    (
        "account/basket.py",
        "taken * basket.held <= 0",
        "where either is 0, so is the closing part",
    ),
    (
        "account/basket.py",
        "power >= 1e-12 * nav",
        "differs where the power is exactly 1e-12 of NAV only",
    ),
    ("account/basket.py", "opens = part != 1", "dividing by one share is exact"),
    (
        "account/basket.py",
        "range(101)",
        "one more halving is below the precision of a float",
    ),
    (
        "account/basket.py",
        ".needed.sum()) < power",
        "the factor moves by less than the precision of the bisection",
    ),
    (
        "account/basket.py",
        "whole[i] - 1.0",
        "an order is whole: with a remainder left it is a share short at least",
    ),
    (
        "account/basket.py",
        "whole[i] + 0.0",
        "an order is whole: with a remainder left it is a share short at least",
    ),
    (
        "account/waiting.py",
        "np.full(count, -1)",
        "written by the first order, and read for orders only",
    ),
    (
        "account/account.py",
        "np.minimum(np.abs(shares), np.abs(self.shares))",
        "within 1e-9 both bounds agree to 1e-18",
    ),
    (
        "account/account.py",
        "quiet > self.t",
        "speed only: quiet bars may be played one by one, or valued twice",
    ),
    (
        "account/account.py",
        "slice(self.t + 0",
        "the bar that is valued again has not changed",
    ),
    (
        "account/account.py",
        "self.t = quiet -> pass",
        "speed only: the quiet bars are played one by one",
    ),
    (
        "account/account.py",
        "self.cash >= 0",
        "no cash bears no interest of either kind",
    ),
    (
        "account/account.py",
        "| self.waiting.names",
        "a ratio of 1 changes nothing; the test for it is a shortcut",
    ),
    (
        "account/account.py",
        "abs(shares - target) < REACHED",
        "differs where both are 0 only, and then nothing is ordered",
    ),
    (
        "account/account.py",
        "np.minimum(np.abs(target), np.abs(self.shares))",
        "an exit to 0 is exact by subtraction already",
    ),
    (
        "account/account.py",
        ">= tolerance",
        "differs for an order of 0 shares only, which is never made",
    ),
    (
        "account/entries.py",
        "np.abs(after) >= np.abs(before)",
        "an unchanged holding averages with a weight of 0",
    ),
    (
        "account/entries.py",
        "mark * side >= self.best * side",
        "an equal best close is the same best close",
    ),
    (
        "account/account.py",
        ">= 1e-09 * np.abs(asked)",
        "differs where exactly a billionth of the order is left only",
    ),
    (
        "account/account.py",
        "self._target = None -> pass",
        "a basket without orders fills nothing",
    ),
    ("account/account.py", "zero - np.nan", "NaN either way"),
    ("account/market.py", "max(1, self.bar - n)", "the first bar has no return"),
    (
        "account/exits.py",
        "/ side",
        "a side is 1 or -1: to divide by it is to multiply by it",
    ),
    (
        "account/exits.py",
        "begin < stop) |",
        "an open at the stop fills at the stop, which is the open",
    ),
    (
        "engine/panel.py",
        "super().start()",
        "Backtrader's own account, which nobody asks",
    ),
    (
        "engine/panel.py",
        "self.p.account.waiting",
        "when a basket is filled cannot be seen: who asks for a value settles first",
    ),
    (
        "engine/panel.py",
        "self.settle() -> pass",
        "when a basket is filled cannot be seen: who asks for a value settles first",
    ),
    (
        "engine/panel.py",
        "self.broker.settle() -> pass",
        "at the end Backtrader asks for the value, which settles",
    ),
    ("engine/panel.py", "def get_value", "arguments of Backtrader's that are not read"),
    ("engine/panel.py", "def submit", "an argument of Backtrader's that is not read"),
    ("engine/panel.py", "strict=", "a check of what the pipeline already holds"),
    ("engine/panel.py", "stdstats=", "speed only: observers that nobody reads"),
    (
        "engine/clock.py",
        "super().start()",
        "prepares filters and time zones, of which these feeds have none",
    ),
    ("engine/clock.py", "def advance", "always given by Backtrader, or not read"),
    (
        "engine/clock.py",
        "if not datamaster",
        "Backtrader's own way, which does the same and is slower",
    ),
    (
        "engine/clock.py",
        "datamaster is None",
        "Backtrader's own way, which does the same and is slower",
    ),
    (
        "engine/clock.py",
        "super().advance",
        "Backtrader names a master under `oldsync` only, which is off",
    ),
    (
        "engine/clock.py",
        "self.home() -> pass",
        "filling the arrays has not moved the index from home",
    ),
    (
        "engine/clock.py",
        "self.lines.datetime.advance(size)",
        "the panel reads its own times; the clock's are for Backtrader",
    ),
    (
        "engine/classic.py",
        "np.full(1, np.nan)",
        "costs that look at the market are refused in classic mode",
    ),
    (
        "engine/classic.py",
        "runonce: bool",
        "both of Backtrader's modes give the same fills",
    ),
    (
        "engine/classic.py",
        "percabs",
        "the commission is charged by the run's own formula",
    ),
    ("engine/classic.py", "('at_close', ", "always given"),
    ("engine/classic.py", "def _slip", "always given by Backtrader, or not read"),
    ("engine/classic.py", "stdstats=", "speed only: observers that nobody reads"),
    (
        "engine/classic.py",
        "day - 1e-09",
        "the tolerance of a day number; no bar is nearer to another than that",
    ),
    ("engine/classic.py", "status <", "a status of 0 is set to 0 again"),
    (
        "engine/classic.py",
        "self._awake = True",
        "speed only: the status is asked again at each bar, with the same answer",
    ),
)


@dataclass(frozen=True)
class Mutant:
    """Hold one changed module: where, what became of which source text, and the whole new
    source.
    """

    file: str
    line: int
    change: str
    source: str


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may stand for ``node``."""
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                if type(operator) in SWAPS:
                    other = copy.deepcopy(node)
                    other.ops[place] = SWAPS[type(operator)]()  # type: ignore[call-overload]
                    yield other
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPS:
            other = copy.deepcopy(node)
            other.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
            yield other
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(
                type(node.value)(
                    0 if node.value == 1 else 1 if node.value == 0 else node.value + 1
                )
            )
        case ast.Name() if node.id in NAMES:
            yield ast.Name(NAMES[node.id], node.ctx)
        case ast.Attribute() if node.attr in NAMES:
            yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
        case ast.If() | ast.IfExp() | ast.While():
            other = copy.deepcopy(node)
            other.test = ast.UnaryOp(ast.Not(), other.test)
            yield other
    if isinstance(node, DROPPED) or (
        isinstance(node, ast.Assign)
        and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    ):
        yield ast.Pass()


def places(
    node: ast.AST, above: tuple[ast.AST, ...] = ()
) -> Iterator[tuple[tuple[ast.AST, ...], str, int | None]]:
    """Yield every place of a tree in order: its ancestors, the nearest last, the field there, and
    the index.
    """
    for field, value in ast.iter_fields(node):
        if field in SKIPPED:
            continue
        for index, child in (
            enumerate(value) if isinstance(value, list) else ((None, value),)
        ):
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if (
                isinstance(child, ast.AST)
                and not text
                and not isinstance(child, IGNORED)
            ):
                yield (*above, node), field, index
                yield from places(child, (*above, node))


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def head(node: ast.AST) -> str:
    """Return the first line of a node's source."""
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]


def place_of(file: str, root: Path) -> Path:
    """Return where a module lies: below the core, or as its path from the top says."""
    top = file.split("/")[0]
    return root / file if top in ("plugins", "strategies") else root / PACKAGE / file


def mutants(file: str, root: Path) -> Iterator[Mutant]:
    """Yield the mutants of one module in the order of its source."""
    tree = ast.parse(place_of(file, root).read_text(encoding="utf-8"))
    for above, field, index in places(tree):
        parent = above[-1]
        node = (
            getattr(parent, field) if index is None else getattr(parent, field)[index]
        )
        if not isinstance(node, ast.expr | ast.stmt):
            continue
        # a bare number says little: show what stands around it, up to the statement
        shown = node
        for outer in above[::-1]:
            if isinstance(shown, ast.stmt) or len(head(shown)) >= 16:
                break
            if isinstance(outer, ast.expr | ast.stmt):
                shown = outer
        before, line = head(shown), getattr(node, "lineno", getattr(shown, "lineno", 0))
        for changed in changes(node):
            put(parent, field, index, changed)
            after = head(changed) if shown is node else head(shown)
            yield Mutant(
                file,
                line,
                f"{before} -> {after}",
                ast.unparse(ast.fix_missing_locations(tree)) + "\n",
            )
            put(parent, field, index, node)


def passes(folder: Path, files: tuple[str, ...], limit: float) -> bool:
    """Run tests in a process of their own; one that takes too long has failed."""
    process = FORK.Process(target=_test, args=(folder, files))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == 0


def _test(folder: Path, files: tuple[str, ...]) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.chdir(folder)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    sys.path[:0] = [
        str(folder / name) for name in ("framework", "plugins", "strategies")
    ]
    # always the same examples, and none made smaller once a mutant is dead
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, database=None, phases=phases
    )
    hypothesis.settings.load_profile("mutation")
    # and fewer of them, where a test asks for hundreds
    begin = hypothesis.settings.__init__

    def fewer(
        self: hypothesis.settings,
        parent: hypothesis.settings | None = None,
        **given: Any,
    ) -> None:
        if "max_examples" in given:
            given["max_examples"] = min(EXAMPLES, given["max_examples"])
        begin(self, parent, **given)

    hypothesis.settings.__init__ = fewer
    options = (
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    )
    os._exit(pytest.main([*options, *files]))


def copied(source: Path, folder: Path) -> Path:
    """Copy what the tests need."""
    for name in ("framework", "plugins", "strategies", "examples", "tests"):
        shutil.copytree(
            source / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__", "runs"),
        )
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(source / name, folder / name)
    return folder


def survives(mutant: Mutant, base: str) -> bool:
    """Tell whether the tests pass on a mutant; each worker has its own copy."""
    folder = Path(base) / str(os.getpid())
    if not folder.exists():
        copied(Path(base) / UNCHANGED, folder)
    target = place_of(mutant.file, folder)
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.source, encoding="utf-8")
    try:
        return passes(folder, {**TESTS, **SHELF}[mutant.file], TIMEOUT)
    finally:
        target.write_text(original, encoding="utf-8")


def tried(chosen: list[Mutant], base: str) -> list[tuple[Mutant, bool]]:
    """Try every mutant, and print each as it is done."""
    out = []
    with ProcessPoolExecutor(WORKERS, mp_context=FORK) as pool:
        for mutant, alive in zip(
            chosen, pool.map(survives, chosen, [base] * len(chosen)), strict=True
        ):
            fate = "SURVIVED" if alive else "killed"
            print(
                f"{mutant.file:18} {mutant.line:4} {fate:9} {mutant.change}", flush=True
            )
            out.append((mutant, alive))
    return out


def report(results: list[tuple[Mutant, bool]], found: int) -> list[str]:
    """Return the lines of the document."""
    killed = sum(not alive for _, alive in results)
    sampled = (
        "" if len(results) == found else f", a sample of {found:,} with seed {SEED}"
    )
    lines = [
        "# Mutation",
        "",
        "Written by `make evidence` (`benchmarks/mutation.py`). Each mutant is the code with one "
        "place changed: a "
        "comparison, an operator, a number, a condition, a minimum or a maximum, or a statement "
        "left out. A mutant is "
        "killed when a fast test fails on it, or runs for too long.",
        "",
        f"{len(results):,} mutants{sampled}: {killed:,} killed, {len(results) - killed:,} survived "
        f"({killed / max(1, len(results)):.1%} killed).",
        "",
        "| module | mutants | killed | survived |",
        "|---|---:|---:|---:|",
    ]
    for file in TESTS:
        fates = [alive for mutant, alive in results if mutant.file == file]
        lines.append(
            f"| {file} | {len(fates)} | {len(fates) - sum(fates)} | {sum(fates)} |"
        )
    lines += [
        "",
        "## Survivors",
        "",
        "| module | line | mutation | why |",
        "|---|---:|---|---|",
    ]
    for mutant, alive in results:
        if alive:
            why = next(
                (
                    why
                    for file, text, why in REASONS
                    if file == mutant.file and text in mutant.change
                ),
                "unexplained",
            )
            change = mutant.change.replace("|", "\\|")
            lines.append(f"| {mutant.file} | {mutant.line} | `{change}` | {why} |")
    return [*lines, ""]


def sampled(found: list[Mutant]) -> list[Mutant]:
    """Return all mutants, or as many as time allows, in order."""
    if len(found) <= LIMIT:
        return found
    return [
        found[place]
        for place in sorted(random.Random(SEED).sample(range(len(found)), LIMIT))
    ]


def main() -> None:
    wanted = sys.argv[1:]
    every = {**TESTS, **SHELF}
    files = (
        [file for file in every if Path(file).stem in wanted] if wanted else list(TESTS)
    )
    if wanted == ["shelf"]:
        files = list(SHELF)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        folder = copied(ROOT, Path(base) / UNCHANGED)
        for file in files:
            if not passes(folder, every[file], 4 * TIMEOUT):
                raise SystemExit(
                    f"mutation: the tests of {file} fail without any mutation"
                )
        found = [mutant for file in files for mutant in mutants(file, folder)]
        results = tried(sampled(found), base)
    lines = report(results, len(found))
    print("\n".join(["", *lines, f"{time.monotonic() - began:,.0f} s"]))
    if not wanted:
        (ROOT / "docs" / "mutation.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
