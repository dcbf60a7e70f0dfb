"""The second page of a tear sheet: what was run on what, how it went in numbers, an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from bt_run import BacktestResult
from bt_run.results.description import describe_run
from bt_run_plugins.figures.pages import (
    LINE,
    WARM,
    fitting,
    new_page,
    paragraphs,
    text_table,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "What was run"
FIRST_SHEET = 3  # page of the first sheet behind this page
WIDTH = 165  # characters on a line of the page
NOTE_LINES, WARNING_LINES = 8, 4
FACT_WIDTH, FACT_LINES = 62, 4  # of the column of facts
ROW_STEP = 0.0205  # height of a row of numbers, fraction of the page
FACT_STEP = 0.0185  # height of its lines, fraction of the page
BASELINES = ("benchmark", "equal weight", "constant mix")


def facts_page(
    result: BacktestResult, left_out: Sequence[str], titles: Sequence[str] = ()
) -> Figure:
    """Return the page; ``left_out`` says which sheets do not apply, ``titles`` what the others are
    called, from page 3 on.
    """
    page = new_page(TITLE)
    sessions = len(result.closes) - 1
    page.text(0.955, 0.945, _period_text(result, sessions), size=10, ha="right")
    y = 0.912
    if result.notes:
        y = _notes(page, y, result.notes) - 0.03
    _numbers_table(page, (0.47, y), result)
    _facts_column(page, (0.045, y), result)
    warnings = fitting(result.warnings, WARNING_LINES, WIDTH)
    _foot(page, [*warnings, *left_out, *_index(titles)])
    return page


def _index(titles: Sequence[str]) -> Iterator[str]:
    """Yield the line that says on which page what is."""
    if titles:
        named = [
            f"{title} {number}"
            for number, title in enumerate(titles, start=FIRST_SHEET)
        ]
        yield f"Pages: {', '.join(named)}"


def _period_text(result: BacktestResult, sessions: int) -> str:
    return f"{result.period}, {sessions:,} sessions"


def _foot(page: Figure, lines: Sequence[str]) -> None:
    """Write lines at the foot of the page."""
    count = sum(len(wrap(line, WIDTH)) for line in lines)
    floor = 0.065 + LINE * count
    paragraphs(page, (0.045, floor), lines, WIDTH)


def _notes(
    page: Figure,
    y: float,
    notes: Sequence[str],
) -> float:
    """Write the notes on the data in a box; return where it ends."""
    from matplotlib.patches import Rectangle

    texts = fitting(notes, NOTE_LINES, WIDTH)
    end = paragraphs(page, (0.055, y - 0.012), texts, WIDTH)
    box = Rectangle(
        (0.045, end - 0.004),
        width=0.91,
        height=y - end,
        color=WARM,
        zorder=-1,
    )
    page.add_artist(box)
    return end


def _numbers_table(
    page: Figure,
    corner: tuple[float, float],
    result: BacktestResult,
) -> float:
    """Write the headline numbers beside the baselines'; return where they end."""
    x, _ = corner
    rows = [["Compared with", "run", *BASELINES]]
    for label, *values in result.summary().itertuples(name=None):
        rows.append([label, *values])
    end = text_table(page, corner, rows, (0.165, 0.08, 0.08, 0.08, 0.08), ROW_STEP)
    text = "Costs: money in the account's currency, and basis points of mean NAV. n/a: not defined."
    page.text(x, end - 0.004, text, size=6.5, va="top", style="italic")
    return end


def _facts_column(
    page: Figure,
    corner: tuple[float, float],
    result: BacktestResult,
) -> float:
    """Write what was run, from the resolved configuration; return where it ends."""
    x, y = corner
    page.text(x, y, "What was run", va="top", size=8, weight="bold")
    y -= 0.0235
    for label, text in _facts(result):
        page.text(x, y, label, va="top", size=8, color="#666666")
        for line in _fact_lines(text):
            page.text(x + 0.085, y, line, va="top", size=8)
            y -= FACT_STEP
        y -= 0.003
    return y


def _fact_lines(text: str) -> list[str]:
    lines = wrap(text, FACT_WIDTH) or ["none"]
    if len(lines) <= FACT_LINES:
        return lines
    *kept, last = lines[:FACT_LINES]
    cut = last[: FACT_WIDTH - 4]
    return [*kept, f"{cut} ..."]


def _facts(result: BacktestResult) -> Iterator[tuple[str, str]]:
    """Yield label and words for what a reader must know of the configuration."""
    words = describe_run(result.manifest["config"])
    cash = result.nav["nav"].iloc[0]
    yield "Source", words.source
    yield f"Assets ({len(words.symbols)})", ", ".join(words.symbols)
    yield "Benchmark", words.benchmark
    yield "Traded", words.traded
    yield "Strategy", words.strategy
    yield "Sizer", words.sizer or "none"
    yield "Overlays", "; ".join(words.overlays)
    yield "Triggers", "; ".join(words.triggers)
    if words.exits:
        yield "Exits", "; ".join(words.exits)
    yield "Schedule", words.schedule
    yield "Start cash", words.money(cash)
    yield "Fills", f"at {words.fill}"
    yield "Costs", words.costs
    yield "Limits", words.limits
    yield "Interest", words.interest
    if result.look_ahead:
        yield "Look-ahead", result.look_ahead
    yield "Trials", result.trial_sentence
    yield "Risk-free", words.risk_free
