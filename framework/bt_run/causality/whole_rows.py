"""Arrays over all bars, followed through one function: where a row may come to know later ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from bt_run.causality.syntax import (
    argument,
    axis_of,
    begins_later,
    called_name,
    first_begins_later,
    is_assignment,
    is_negative,
    is_transposed,
    is_true,
    names_in,
    row_slice,
    says,
)
from bt_run.causality.vocabulary import (
    BACKWARD,
    BOTH_WAYS,
    FITS,
    FROM_END,
    JOINS,
    KNOWN_BEFORE,
    RANKS,
    REDUCE,
    WINDOWS,
)

__all__ = ["WholeRows"]

# what an expression is: over all bars, windows of such rows, or something else
Kind = Literal["whole", "windows", "other"]


class WholeRows:
    """A reading of one function whose parameters ``whole`` hold arrays over all bars.

    ``told`` lists (line, why) of what looks as if a row knew later ones; ``calls`` the calls with
    the places and names of the arguments that are over all bars.
    """

    def __init__(self, whole: frozenset[str]) -> None:
        self.kinds: dict[str, Kind] = dict.fromkeys(whole, "whole")
        self.told: list[tuple[int, str]] = []
        self.calls: list[tuple[ast.Call, tuple[int | str, ...]]] = []
        self._counters: set[str] = set()
        self._block = ""  # the rows that are being written

    def read(self, node: ast.AST) -> None:
        """Read a function's body, twice: what a loop assigns it may read in its next round."""
        body: list[ast.AST] = [node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = [*node.body]
        for _ in range(2):
            self.told, self.calls = [], []
            for statement in body:
                self._statement(statement)

    # -- statements --------------------------------------------------------------------------------

    def _statement(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for statement in node.body:
                self._statement(statement)
            return
        if isinstance(node, ast.Lambda):
            self._kind(node.body)
            return
        if isinstance(node, ast.Assign):
            self._assign(node.targets, node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
            self._assign([node.target], node.value)
        elif isinstance(node, ast.For):
            self._for(node.target, node.iter)
        elif isinstance(node, ast.With):
            for item in node.items:
                self._kind(item.context_expr)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt | ast.excepthandler | ast.match_case):
                self._statement(inner)
            elif isinstance(inner, ast.expr) and not is_assignment(node):
                self._kind(inner)

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        first = targets[0]
        self._block = ast.dump(first.slice) if isinstance(first, ast.Subscript) else ""
        kind = self._kind(value)
        self._block = ""
        for target in targets:
            self._back_shift(target, value)
            for name in names_in(target):
                if kind != "other" or name not in self.kinds:
                    self.kinds[name] = kind

    def _for(self, target: ast.expr, over: ast.expr) -> None:
        kind = self._kind(over)
        called = called_name(over) if isinstance(over, ast.Call) else ""
        for name in names_in(target):
            if called in ("range", "enumerate"):
                self._counters.add(name)
            # one after the other: of a transposed array and of a frame's items the columns
            columns = called in ("items", "zip") or is_transposed(over)
            self.kinds[name] = kind if columns else "other"

    def _back_shift(self, target: ast.expr, value: ast.expr) -> None:
        """Tell of ``out[:-k] = x[k:]``: the rows of later bars in the place of earlier ones."""
        if not isinstance(target, ast.Subscript):
            return
        rows = row_slice(target.slice)
        if rows is None or rows.lower is not None or not is_negative(rows.upper):
            return
        for one in ast.walk(value):
            if isinstance(one, ast.Subscript) and begins_later(one.slice):
                self._tell(one, "rows of later bars in the place of earlier ones")
                return

    # -- expressions -------------------------------------------------------------------------------

    def _kind(self, node: ast.expr) -> Kind:
        """Return what an expression is, and tell of what is suspicious inside."""
        if isinstance(node, ast.Name):
            return self.kinds.get(node.id, "other")
        if isinstance(node, ast.Attribute):
            kind = self._kind(node.value)
            return "other" if node.attr in KNOWN_BEFORE else kind
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(
            node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp
        ):
            return self._comprehension(node)
        if isinstance(node, ast.BinOp):
            self._from_the_end(node)
        parts = [
            self._kind(one)
            for one in ast.iter_child_nodes(node)
            if isinstance(one, ast.expr)
        ]
        return "whole" if "whole" in parts else "other"

    def _comprehension(self, node: ast.expr) -> Kind:
        for loop in getattr(node, "generators", ()):
            self._for(loop.target, loop.iter)
            for test in loop.ifs:
                self._kind(test)
        parts = [getattr(node, name, None) for name in ("elt", "key", "value")]
        kinds = [self._kind(one) for one in parts if isinstance(one, ast.expr)]
        return "whole" if "whole" in kinds else "other"

    def _subscript(self, node: ast.Subscript) -> Kind:
        kind = self._kind(node.value)
        if kind == "other":
            self._kind(node.slice)
            return "other"
        rows = (
            node.slice.elts[0]
            if isinstance(node.slice, ast.Tuple) and node.slice.elts
            else node.slice
        )
        if isinstance(rows, ast.Slice):
            return self._rows(node, rows)
        if is_negative(rows):
            self._tell(
                node, "the last rows of all: what they say is known at the end only"
            )
            return "other"
        if isinstance(rows, ast.Constant | ast.List):
            return kind  # a column by its name
        if self._ahead(rows):
            self._tell(node, "an index ahead of its row")
            return "other"
        return (
            "whole" if self._kind(rows) == "whole" else "other"
        )  # a mask over all bars

    def _rows(self, node: ast.Subscript, rows: ast.Slice) -> Kind:
        if is_negative(rows.step):
            self._tell(node, "rows in reverse: what follows runs from the end")
        elif self._looks_ahead(node, rows):
            self._tell(node, "rows ahead of their own")
        fixed = all(
            one is None or is_negative(one) or isinstance(one, ast.Constant)
            for one in (rows.lower, rows.upper)
        )
        return "whole" if fixed else "other"

    def _looks_ahead(self, node: ast.Subscript, rows: ast.Slice) -> bool:
        """Tell whether rows end after the counter's own; a block that is written is its own."""
        if rows.upper is None or ast.dump(node.slice) == self._block:
            return False
        return self._ahead(rows.upper, beyond=1)

    def _ahead(self, index: ast.expr, beyond: int = 0) -> bool:
        """Tell whether an index is the counter of a loop plus more than ``beyond``."""
        if not isinstance(index, ast.BinOp) or not isinstance(index.op, ast.Add):
            return False
        names = [one for one in (index.left, index.right) if isinstance(one, ast.Name)]
        if not any(one.id in self._counters for one in names):
            return False
        steps = [
            one.value
            for one in (index.left, index.right)
            if isinstance(one, ast.Constant)
        ]
        return not steps or any(isinstance(one, int) and one > beyond for one in steps)

    def _from_the_end(self, node: ast.BinOp) -> None:
        """Tell of ``len(bars) - ...``: how many bars there will be is not known."""
        number = isinstance(node.right, ast.Constant)
        if isinstance(node.op, ast.Sub) and self._counts(node.left) and not number:
            self._tell(
                node,
                "counts from the end: how many bars there will be is not known",
            )

    def _counts(self, node: ast.expr) -> bool:
        """Tell whether an expression is how many bars there are: ``len(bars)``."""
        if (
            not isinstance(node, ast.Call)
            or called_name(node) != "len"
            or not node.args
        ):
            return False
        return self._kind(node.args[0]) == "whole"

    # -- calls -------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Kind:
        name, keywords = (
            called_name(node),
            {one.arg: one.value for one in node.keywords},
        )
        receiver = (
            self._kind(node.func.value)
            if isinstance(node.func, ast.Attribute)
            else "other"
        )
        kinds = [self._kind(one) for one in node.args]
        named = {word: self._kind(value) for word, value in keywords.items()}
        given = [place for place, kind in enumerate(kinds) if kind == "whole"]
        words = [
            word for word, kind in named.items() if kind == "whole" and word is not None
        ]
        if given or words:
            self.calls.append((node, (*given, *words)))
        over_all = receiver == "whole" or bool(given) or bool(words)
        self._suspect(node, name, keywords, over_all, receiver)
        if name in WINDOWS:
            return "windows" if over_all else "other"
        if name == "len" or (name in REDUCE and over_all and receiver != "windows"):
            return "whole" if axis_of(node, keywords) == 1 else "other"
        return (
            "whole"
            if over_all or receiver == "windows" or "windows" in kinds
            else "other"
        )

    def _suspect(
        self,
        node: ast.Call,
        name: str,
        keywords: dict[str | None, ast.expr],
        over_all: bool,
        receiver: Kind,
    ) -> None:
        for why in self._reasons(node, name, keywords, over_all, receiver):
            self._tell(node, why)

    def _reasons(
        self,
        node: ast.Call,
        name: str,
        keywords: dict[str | None, ast.expr],
        over_all: bool,
        receiver: Kind,
    ) -> Iterator[str]:
        first = node.args[0] if node.args else keywords.get("periods")
        if name in ("shift", "pct_change", "diff") and is_negative(first):
            yield f"{name} by a negative number: the value of a later bar"
        if name == "roll" and len(node.args) > 1 and is_negative(node.args[1]):
            yield "np.roll by a negative number: the values of later bars"
        if is_true(keywords.get("center")):
            yield "center=True: a window that reaches ahead"
        if name in BACKWARD or says(
            keywords.get("method"), "bfill", "backfill", "nearest"
        ):
            yield "a gap filled from the value after it"
        if says(keywords.get("direction"), "forward", "nearest"):
            yield "a join with rows that come later"
        if name == "convolve" and says(keywords.get("mode", argument(node, 2)), "same"):
            yield "a convolution centred on its row"
        if name == "linspace" and any(self._counts(one) for one in node.args):
            yield "linspace over all bars: how many there will be is not known"
        if name in JOINS and over_all and first_begins_later(node):
            yield "rows of later bars in the place of earlier ones"
        if receiver == "windows" and name == "transform":
            yield "the value of a whole group on each of its rows"
        if says(keywords.get("label"), "left") and name == "resample":
            yield "a period labelled by its beginning"
        if over_all and receiver != "windows":
            yield from _over_everything(node, name, keywords)

    def _tell(self, node: ast.expr, why: str) -> None:
        self.told.append((node.lineno, why))


def _over_everything(
    node: ast.Call, name: str, keywords: dict[str | None, ast.expr]
) -> Iterator[str]:
    """Yield what is suspicious of a function of all bars at once."""
    axis = axis_of(node, keywords)
    if name in REDUCE and axis != 1:
        yield f"{name} over all bars: a statistic that knows the end"
    if name in RANKS and axis != 1:
        yield f"{name} over all bars: a rank among later values"
    if name in FITS and axis != 1:
        yield f"{name} on all bars: what it learns it knows from the first row on"
    if name in BOTH_WAYS:
        yield f"{name}: a filter that runs both ways"
    if name in FROM_END:
        yield f"{name}: the end of the data"
