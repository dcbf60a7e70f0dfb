"""Pages of a PDF: style, paper, title and foot, panels, tables of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = (11.69, 8.27)  # A4 landscape, inches
PORTRAIT = (8.27, 11.69)
MARGIN = 0.045  # fraction of the width
LINE = 0.0205  # height of a line of text, fraction of the page
# the colours of the page: the run, its baselines, losses
RUN, BENCHMARK, EQUAL, MIX, LOSS = (
    "#0072b2",
    "#b4530a",
    "#00795a",
    "#9c3d78",
    "#d55e00",
)
FADED, PALE = "#66aad1", "#b3d5e8"  # the run again, where it stands twice
GREY, INK, RULE, WARM = "#666666", "#222222", "#bbbbbb", "#fff4d6"
PLAIN: Mapping[str, Any] = MappingProxyType({"size": 7.5})
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 8,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.labelsize": 7.5,
        "axes.edgecolor": RULE,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.formatter.useoffset": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.6,
        "legend.fontsize": 7,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "text.color": INK,
        "pdf.fonttype": 3,  # searched and copied like the other, and made in less time
    }
)


@dataclass(frozen=True)
class Panel:
    """What one pair of axes shows: ``draw(axes)``, or a line saying why it does not apply.

    ``place`` is (first row, last row, first column, last column). ``dates`` says that x is time,
    and no line is drawn wider than ``thickest`` points.
    """

    title: str
    draw: Callable[[Axes], object]
    place: tuple[int, int, int, int]
    missing: str | None = None
    dates: bool = True
    thickest: float = 1.2


@contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's defaults and ours, whatever the user has set, and give that back."""
    import matplotlib.style
    from matplotlib.colors import BASE_COLORS, get_named_colors_mapping

    styles: list[Any] = ["default", dict(STYLE)]
    # some libraries give the letters of colours other meanings for everybody
    colors: Any = get_named_colors_mapping()
    letters = {letter: colors[letter] for letter in BASE_COLORS}
    with matplotlib.style.context(styles):
        try:
            for letter, color in BASE_COLORS.items():
                colors[letter] = color
            yield
        finally:
            for letter, color in letters.items():
                colors[letter] = color


def new_page(title: str, paper: tuple[float, float] = PAPER) -> Figure:
    """Return an empty page of ``paper`` (width, height in inches) with a title and a rule."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    page = Figure(figsize=paper)
    FigureCanvasAgg(page)  # no pyplot: nothing to close, no window, no global state
    # drawn before the panels, so that it comes first in the text too
    page.text(MARGIN, 0.945, title, size=14, weight="bold", zorder=-1)
    rule = Line2D([MARGIN, 1 - MARGIN], [0.93, 0.93], color=RULE, lw=0.8)
    page.add_artist(rule)
    return page


def panel_page(
    title: str,
    grid: tuple[int, int],
    panels: Sequence[Panel],
) -> Figure:
    """Return a page of panels on a grid of (rows, columns); what is missing leaves its room to the
    others of its rows, and a line says why.
    """
    page = new_page(title)
    spec = page.add_gridspec(
        *grid,
        left=0.07,
        right=1 - MARGIN,
        top=0.88,
        bottom=0.105,
        hspace=0.42,
        wspace=0.2,
    )
    drawn = [panel for panel in panels if panel.missing is None]
    for panel in drawn:
        axes = page.add_subplot(spec[_room(panel, drawn, grid[1])])
        panel.draw(axes)
        _tidy(axes, panel)
        # a title without a height is laid out anew with all ticks at each drawing
        axes.set_title(panel.title, loc="left", y=1.0)
    left_out = [f"{one.title}: {one.missing}" for one in panels if one.missing]
    if left_out:
        text = f"Left out: {'; '.join(left_out)}"
        page.text(1 - MARGIN, 0.91, text, ha="right", style="italic", color=GREY)
    return page


def _room(panel: Panel, drawn: Sequence[Panel], columns: int) -> tuple[slice, slice]:
    """Return the rows and columns of a panel: all columns where no other stands in its rows."""
    first, last, left, right = panel.place
    others = [one for one in drawn if one is not panel]
    if not any(one.place[0] <= last and first <= one.place[1] for one in others):
        left, right = 0, columns - 1
    return slice(first, last + 1), slice(left, right + 1)


def text_table(
    page: Figure,
    corner: tuple[float, float],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    step: float = 0.0235,
) -> float:
    """Write rows of text, the first a head, from the top left corner; return where they end.

    ``corner``, ``widths`` and ``step`` are fractions of the page. The first column is flush left,
    the others flush right.
    """
    from matplotlib.lines import Line2D

    x, y = corner
    ends = [x + width for width in accumulate(widths)]
    for number, row in enumerate(rows):
        weight, thickness = ("normal", 0.3) if number else ("bold", 0.9)
        page.text(x, y, row[0], va="top", size=8, weight=weight)
        for end, text in zip(ends[1:], row[1:], strict=True):
            page.text(end, y, text, va="top", ha="right", size=8, weight=weight)
        y -= step
        rule = Line2D(
            [x, ends[-1]],
            [y + 0.005, y + 0.005],
            color=RULE,
            lw=thickness,
        )
        page.add_artist(rule)
    return y


def paragraphs(
    page: Figure,
    corner: tuple[float, float],
    texts: Sequence[str],
    width: int,
) -> float:
    """Write texts as marked paragraphs of at most ``width`` characters a line; return where they
    end.
    """
    x, y = corner
    for text in texts:
        page.text(x, y, "\N{BULLET}", va="top", size=8)
        for line in wrap(text, width) or [""]:
            page.text(x + 0.012, y, line, va="top", size=8)
            y -= LINE
    return y


def fitting(texts: Sequence[str], most: int, width: int) -> list[str]:
    """Return the first texts that fill at most so many lines of ``width`` characters, and how many
    more there are.
    """
    kept: list[str] = []
    for text in texts:
        most -= len(wrap(text, width))
        if most < 0:
            return [*kept, f"and {len(texts) - len(kept)} more"]
        kept.append(text)
    return kept


def write_lines(
    page: Figure,
    corner: tuple[float, float],
    text: str,
    line: tuple[int, float],
    look: Mapping[str, Any] = PLAIN,
) -> float:
    """Write ``text`` in lines of so many characters and so high; return where they end."""
    x, y = corner
    width, step = line
    for part in wrap(text, width):
        page.text(x, y, part, va="top", **look)
        y -= step
    return y


def save(
    path: Path,
    pages: Sequence[Figure],
    foot: str,
) -> None:
    """Write pages as a PDF whose bytes follow from what they show."""
    from matplotlib.backends.backend_pdf import PdfPages

    # no times, and no versions of what wrote it
    metadata = {
        "CreationDate": None,
        "ModDate": None,
        "Producer": None,
        "Creator": "bt-run",
    }
    with PdfPages(path, metadata=metadata) as pdf:
        for number, page in enumerate(pages, start=1):
            count = f"{number} / {len(pages)}"
            page.text(MARGIN, 0.03, foot, size=7, color=GREY)
            page.text(1 - MARGIN, 0.03, count, size=7, color=GREY, ha="right")
            pdf.savefig(page)


def tidy_dates(axes: Axes) -> None:
    """Write the dates of an x axis short and level."""
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator))
    axes.minorticks_off()


def _tidy(axes: Axes, panel: Panel) -> None:
    """Undo what plotting functions set for a screen: long dates, thick lines, framed legends."""
    if panel.dates:
        tidy_dates(axes)
        axes.set_xlabel("")
    for line in axes.lines:
        line.set_linewidth(min(line.get_linewidth(), panel.thickest))
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set_edgecolor("none")
