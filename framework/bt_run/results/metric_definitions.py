"""What each metric is, how it is written, and which of them a short table shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "COLUMNS",
    "DEFINITIONS",
    "HEADLINE",
    "YEARLY",
    "Definition",
    "format_metric",
    "growth_text",
]

MANY_TIMES = 10.0  # a fraction: per cent of a thousand and more are hard to read

# column of the metrics -> column of the NAV table
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "run": "nav",
        "benchmark": "benchmark",
        "equal_weight": "equal_weight",
        "constant_mix": "constant_mix",
    }
)
YEARLY = frozenset(
    {
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "alpha",
        "tracking_error",
        "information_ratio",
        "turnover_one_way",
        "turnover_two_way",
        "costs_bps",
    }
)


@dataclass(frozen=True)
class Definition:
    """What a metric is, for reports.

    Attributes:
        unit: a fraction (0.01 for 1 %), a ratio, money, a count, or basis points.
        label: its name in a table.
        text: its definition, a sentence.
    """

    unit: Literal["fraction", "ratio", "money", "count", "bps"]
    label: str
    text: str


DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        "total_return": Definition(
            "fraction",
            "Total return",
            "Last NAV over the NAV at the start, less 1; from 10 on how many times it grew to: "
            "122x.",
        ),
        "cagr": Definition(
            "fraction",
            "Return per year",
            "Compound growth per year of 365.25 days between the first and last session; "
            "none of less than a year.",
        ),
        "money_weighted": Definition(
            "fraction",
            "Return per year, money-weighted",
            "Yearly rate at which the cash at the start and all contributions become the last NAV, "
            "withdrawals taken off; only where there are such.",
        ),
        "volatility": Definition(
            "fraction",
            "Volatility per year",
            "Standard deviation (ddof 1) of daily returns x sqrt(sessions a year): 252, or 365 "
            "where weekends trade, 52 for bars of weeks, 12 for bars of months.",
        ),
        "sharpe": Definition(
            "ratio",
            "Sharpe ratio",
            "Mean daily return above the risk-free rate over the standard deviation (ddof 1) x "
            "sqrt(sessions a year).",
        ),
        "sortino": Definition(
            "ratio",
            "Sortino ratio",
            "Mean of daily returns above the risk-free rate over the root mean square of those "
            "below it x sqrt(sessions a year).",
        ),
        "calmar": Definition(
            "ratio",
            "Calmar ratio",
            "Return per year over the size of the worst drawdown.",
        ),
        "max_drawdown": Definition(
            "fraction",
            "Worst drawdown",
            "Largest fall of the NAV at a session's close from its highest before.",
        ),
        "best_day": Definition("fraction", "Best day", "Largest daily return."),
        "worst_day": Definition("fraction", "Worst day", "Smallest daily return."),
        "skew": Definition(
            "ratio",
            "Skewness",
            "Third central moment of daily returns over the cube of their deviation (ddof 0).",
        ),
        "beta": Definition(
            "ratio",
            "Beta",
            "Covariance of daily returns with the benchmark's over the benchmark's variance.",
        ),
        "alpha": Definition(
            "fraction",
            "Alpha per year",
            "Mean daily return above the risk-free rate and above beta x the benchmark's, "
            "compounded over the sessions of a year; none of less than a year.",
        ),
        "correlation": Definition(
            "ratio", "Correlation", "Correlation of daily returns with the benchmark's."
        ),
        "tracking_error": Definition(
            "fraction",
            "Tracking error per year",
            "sqrt(sessions a year x mean(d^2)), d = daily return less the benchmark's; the "
            "mean of d is not taken off.",
        ),
        "information_ratio": Definition(
            "ratio",
            "Information ratio",
            "Mean of d = daily return less the benchmark's over its standard deviation (ddof 1) x "
            "sqrt(sessions a year).",
        ),
        "average_gross": Definition(
            "fraction",
            "Average gross exposure",
            "Mean over sessions of sum |position| at the close over NAV.",
        ),
        "maximum_gross": Definition(
            "fraction",
            "Largest gross exposure",
            "Largest over sessions of sum |position| at the close over NAV.",
        ),
        "average_net": Definition(
            "fraction",
            "Average net exposure",
            "Mean over sessions of sum of positions at the close over NAV.",
        ),
        "turnover_one_way": Definition(
            "fraction",
            "Turnover per year, one way",
            "Half of the two-way turnover: what is sold to buy the rest.",
        ),
        "turnover_two_way": Definition(
            "fraction",
            "Turnover per year, two way",
            "Sum over fills of |shares| x price without slippage over the NAV at the close before "
            "the fill, per year; none of less than a year.",
        ),
        "commission": Definition(
            "money", "Commission", "Sum of commissions, in the account's currency."
        ),
        "slippage": Definition(
            "money",
            "Slippage",
            "Sum of money lost by filling worse than the price, in the account's currency.",
        ),
        "costs": Definition(
            "money", "Costs", "Commission and slippage, in the account's currency."
        ),
        "financing": Definition(
            "money",
            "Financing",
            "Margin interest and borrow fees paid, in the account's currency; not in the costs.",
        ),
        "costs_bps": Definition(
            "bps",
            "Costs per year",
            "Costs per year in basis points of the mean NAV; none of less than a year.",
        ),
        "fills": Definition(
            "count", "Fills", "Orders of which at least a part was filled."
        ),
        "sessions": Definition(
            "count", "Sessions", "Sessions with a return: all after the start."
        ),
        "years": Definition(
            "count", "Years", "Days between the first and last session over 365.25."
        ),
    }
)

# what a table that must be short shows, in this order
HEADLINE = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "beta",
    "alpha",
    "tracking_error",
    "information_ratio",
    "average_gross",
    "average_net",
    "turnover_one_way",
    "turnover_two_way",
    "costs",
    "costs_bps",
    "fills",
)


def growth_text(value: float) -> str:
    """Write a return over a whole period, a fraction, ``value``: in per cent, and from 10 on as how
    many times the NAV grew to: ``122x``.
    """
    return f"{1.0 + value:,.0f}x" if value >= MANY_TIMES else f"{value:z.2%}"


def format_metric(metric: str, value: float | None) -> str:
    """Write the ``value`` of a ``metric`` for a reader, with its unit; ``n/a`` where it is not
    defined.
    """
    if value is None:
        return "n/a"
    match DEFINITIONS[metric].unit:
        case "fraction":
            return growth_text(value) if metric == "total_return" else f"{value:z.2%}"
        case "ratio":
            return f"{value:z.2f}"
        case "bps":
            return f"{value:z,.1f} bp"
        case _:
            return f"{value:z,.1f}" if metric == "years" else f"{value:z,.0f}"
