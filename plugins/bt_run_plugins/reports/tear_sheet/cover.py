"""The first page of a tear sheet: what was run on what, and how it went in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from bt_run import BacktestResult
from bt_run.results.description import describe_run
from bt_run.studies.judging import judge_run
from bt_run.studies.significance_text import significance_sentence
from bt_run_plugins.figures.pages import (
    BENCHMARK,
    EQUAL,
    LINE,
    MIX,
    RUN,
    WARM,
    new_page,
    paragraphs,
    text_table,
    tidy_dates,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICT_WIDTH, VERDICT_STEP = 132, 0.024  # characters of its lines, and their height
WIDTH = 165  # characters on a line of the page
NOTE_LINES, WARNING_LINES = 8, 4
FACT_WIDTH, FACT_LINES = 62, 4  # of the column of facts
ROW_STEP = 0.0205  # height of a row of numbers, fraction of the page
FACT_STEP = 0.0185  # height of its lines, fraction of the page
LEAST_GROWTH = 0.12  # height below which a picture shows nothing, fraction of the page
BASELINES = ("benchmark", "equal weight", "constant mix")
# column of the NAV table, label, colour: the run is drawn last, on top
GROWTH = (
    ("benchmark", "benchmark", BENCHMARK),
    ("equal_weight", "equal weight", EQUAL),
    ("constant_mix", "constant mix", MIX),
    ("nav", "run", RUN),
)


def first_page(
    result: BacktestResult, left_out: Sequence[str], titles: Sequence[str] = ()
) -> Figure:
    """Return the page; ``left_out`` says which sheets do not apply, ``titles`` what the others are
    called, from page 2 on.
    """
    page = new_page(result.config.name)
    sessions = len(result.closes) - 1
    page.text(0.955, 0.945, _period_text(result, sessions), size=10, ha="right")
    y = _verdict(page, 0.912, result)
    if result.notes:
        y = _notes(page, y, result.notes) - 0.03
    numbers_end = _numbers_table(page, (0.47, y), result)
    facts_end = _facts_column(page, (0.045, y), result)
    top = min(facts_end, numbers_end) - 0.05
    lines = [*_fitting(result.warnings, WARNING_LINES), *left_out, *_index(titles)]
    floor = _foot(page, lines)
    # growth in between, where there is room
    height = top - floor
    if sessions and height > LEAST_GROWTH:
        axes = page.add_axes((0.075, floor + 0.04, 0.88, height - 0.04))
        _growth(axes, result)
    return page


def _verdict(page: Figure, y: float, result: BacktestResult) -> float:
    """Write the verdict, which the page and the console say too; return where it ends."""
    lines = wrap(significance_sentence(judge_run(result)), VERDICT_WIDTH)
    for line in lines:
        page.text(0.045, y, line, va="top", size=9.5, weight="bold")
        y -= VERDICT_STEP
    return y - 0.006


def _index(titles: Sequence[str]) -> Iterator[str]:
    """Yield the line that says on which page what is."""
    if titles:
        named = [f"{title} {number}" for number, title in enumerate(titles, start=2)]
        yield f"Pages: {', '.join(named)}"


def _period_text(result: BacktestResult, sessions: int) -> str:
    return f"{result.period}, {sessions:,} sessions"


def _foot(page: Figure, lines: Sequence[str]) -> float:
    """Write lines at the foot of the page; return where they begin."""
    count = sum(len(wrap(line, WIDTH)) for line in lines)
    floor = 0.065 + LINE * count
    paragraphs(page, (0.045, floor), lines, WIDTH)
    return floor


def _notes(
    page: Figure,
    y: float,
    notes: Sequence[str],
) -> float:
    """Write the notes on the data in a box; return where it ends."""
    from matplotlib.patches import Rectangle

    texts = _fitting(notes, NOTE_LINES)
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


def _fitting(texts: Sequence[str], most: int) -> list[str]:
    """Return the first texts that fill at most so many lines, and how many more there are."""
    kept: list[str] = []
    for text in texts:
        most -= len(wrap(text, WIDTH))
        if most < 0:
            return [*kept, f"and {len(texts) - len(kept)} more"]
        kept.append(text)
    return kept


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


def _growth(axes: Axes, result: BacktestResult) -> None:
    """Draw the run above what it is compared with."""
    closes = result.closes
    for column, label, color in GROWTH:
        growth = closes[column] / closes[column].iloc[0]
        axes.plot(closes.index, growth, color=color, lw=1.0, label=label)
    axes.set_title("Growth of 1", loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=4, frameon=False)
    tidy_dates(axes)


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
