"""The report ``tear_sheet``: pyfolio's sheets behind a first page that says what was run on what."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bt_run import BacktestResult, BuildContext, Component, Config, hookimpl
from bt_run_plugins.figures.pages import (
    LINE,
    STYLE,
    WARM,
    new_page,
    paragraphs,
    save,
    text_table,
    tidy_dates,
)
from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input
from bt_run_plugins.reports.tear_sheet.returns_sheets import draw_sheets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["TearSheet", "TearSheetConfig", "bt_reports", "pyfolio_input"]

FILE = "tear_sheet.pdf"
WIDTH = 165  # characters on a line of the first page
FILLS = MappingProxyType(
    {"next_open": "at the next bar's open", "next_close": "at the next bar's close"}
)


class TearSheetConfig(Config):
    """Configure the tear sheet: there is nothing to choose."""


@dataclass(frozen=True)
class TearSheet:
    """Write ``tear_sheet.pdf``; equal results give equal bytes."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the PDF into ``folder`` and return its path."""
        path = folder / FILE
        with _quiet(), _style():
            sheets = draw_sheets(result)
            pages = [_first_page(result, sheets.left_out), *sheets.pages]
            save(path, pages, f"{result.config.name}   run {result.run_id}")
        return [path]


@hookimpl
def bt_reports() -> Iterable[Component]:
    return [
        Component(
            name="tear_sheet",
            config=TearSheetConfig,
            build=_build,
            summary="PDF with pyfolio's sheets: returns, positions, transactions, round trips",
        )
    ]


def _build(_: TearSheetConfig, __: BuildContext) -> TearSheet:
    return TearSheet()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what pyfolio, seaborn and pandas say to each other: nothing in it is for a report's
    reader.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _style() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever the user has set, and give that back."""
    import matplotlib.style
    from pandas.plotting import plot_params

    # x_compat: plain dates, because pandas' own periods do not mix with what pyfolio draws over
    # them
    plain: Any = plot_params
    with matplotlib.style.context(["default", dict(STYLE)]), plain.use("x_compat", True):
        yield


# -- the first page --------------------------------------------------------------------------------


def _first_page(result: BacktestResult, left_out: tuple[str, ...]) -> Figure:
    from matplotlib.patches import Rectangle

    first, last = result.nav.index[0], result.nav.index[-1]
    sessions = len(result.closes) - 1
    page = new_page(result.config.name)
    page.text(
        0.955,
        0.945,
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d}, {sessions:,} sessions",
        size=10,
        ha="right",
    )
    y = 0.905
    if result.notes:
        end = paragraphs(page, (0.055, y - 0.012), _fit(result.notes, 8), WIDTH)
        box = Rectangle((0.045, end - 0.004), 0.91, y - end, color=WARM, zorder=-1)
        page.add_artist(box)
        y = end - 0.03
    rows = [["Compared with", "run", "benchmark", "equal weight", "constant mix"]]
    rows += [[label, *values] for label, *values in result.summary().itertuples(name=None)]
    end = text_table(page, (0.47, y), rows, (0.165, 0.08, 0.08, 0.08, 0.08))
    text = "Costs: money in the account's currency, and basis points of mean NAV. n/a: not defined."
    page.text(0.47, end - 0.004, text, size=6.5, va="top", style="italic")
    top = min(_setup(page, (0.045, y), result), end) - 0.065
    lines = [*_fit(result.warnings, 4), *left_out]
    floor = 0.065 + LINE * sum(len(wrap(line, WIDTH)) for line in lines)
    paragraphs(page, (0.045, floor), lines, WIDTH)
    if top - floor > 0.12 and sessions:
        _growth(page.add_axes((0.075, floor + 0.04, 0.88, top - floor - 0.04)), result)
    return page


def _fit(texts: Sequence[str], most: int) -> list[str]:
    """Return the first texts, as many as fill at most so many lines, and how many more there are."""
    kept: list[str] = []
    for text in texts:
        most -= len(wrap(text, WIDTH))
        if most < 0:
            return [*kept, f"and {len(texts) - len(kept)} more"]
        kept.append(text)
    return kept


def _growth(axes: Axes, result: BacktestResult) -> None:
    """Draw the run above what it is compared with."""
    closes = result.closes
    for column, color in (
        ("benchmark", "#888888"),
        ("equal_weight", "#4c72b0"),
        ("constant_mix", "#dd8452"),
        ("nav", "forestgreen"),
    ):
        name = "run" if column == "nav" else column.replace("_", " ")
        axes.plot(
            closes.index, closes[column] / closes[column].iloc[0], color=color, lw=1.0, label=name
        )
    axes.set_title("Growth of 1", loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=4, frameon=False)
    tidy_dates(axes)


def _setup(page: Figure, corner: tuple[float, float], result: BacktestResult) -> float:
    """Write what was run, from the resolved configuration; return where it ends."""
    x, y = corner
    page.text(x, y, "What was run", va="top", size=8, weight="bold")
    y -= 0.0235
    for label, text in _facts(result):
        page.text(x, y, label, va="top", size=8, color="#666666")
        lines = wrap(text, 62) or ["none"]
        if len(lines) > 4:
            lines = [*lines[:3], lines[3][:58] + " ..."]
        for line in lines:
            page.text(x + 0.085, y, line, va="top", size=8)
            y -= 0.0195
        y -= 0.004
    return y


def _facts(result: BacktestResult) -> Iterator[tuple[str, str]]:
    """Yield label and words for what a reader must know of the configuration."""
    config: Mapping[str, Any] = result.manifest["config"]
    data, broker = config["data"], config["broker"]
    assets: Mapping[str, str] = data["assets"]
    yield "Source", _component(data["source"])
    yield (
        f"Assets ({len(assets)})",
        ", ".join(n if n == s else f"{n} = {s}" for n, s in assets.items()),
    )
    yield "Benchmark", str(data["benchmark"])
    traded = (
        "units of the total-return series"
        if data["adjust"] == "total_return"
        else "real shares as traded"
    )
    yield "Traded", traded
    yield "Strategy", _component(config["strategy"])
    yield "Sizer", _component(config.get("sizer"))
    yield "Overlays", "; ".join(_component(item) for item in config.get("overlays", ()))
    yield "Triggers", "; ".join(_component(item) for item in config.get("triggers", ()))
    yield "Schedule", str(config["schedule"]).replace("_", " ")
    yield "Start cash", f"{result.nav['nav'].iloc[0]:,.2f}"
    fill = broker.get("fill")
    yield "Fills", FILLS.get(fill, str(fill))
    for cost in ("commission", "slippage"):
        yield cost.capitalize(), _cost(broker.get(cost))
    yield "Limits", _words(config["limits"])
    if result.look_ahead:
        yield "Look-ahead", result.look_ahead
    yield "Risk-free", f"{config.get('risk_free', 0.0):.2%} per year"


def _component(item: Mapping[str, Any] | None) -> str:
    """Write a component as its name and options."""
    if item is None:
        return "none"
    options = {key: value for key, value in item.items() if key != "use"}
    return f"{item['use']} ({_words(options)})" if options else str(item["use"])


def _cost(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"bps"}:
        return f"{value['bps']:g} basis points of the value traded"
    return _words(value or "none")


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_words(item) for item in value) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
