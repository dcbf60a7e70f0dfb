"""The numbers that the rules compare with, each with its unit."""

from __future__ import annotations

from pydantic import Field

from bt_run import Config


class Thresholds(Config):
    """Configuration of what the rules compare with; moves are logarithms beyond the market's median
    move of the day.

    "sigmas" are the symbol's own: 1.4826 x the median absolute move of the 63 sessions before, at
    least 0.5 %. "Turnover" is close x volume, as a multiple of its own median over the 63 sessions
    before.
    """

    jump_move: float = Field(
        0.10,
        gt=0,
        description="smallest move called a jump, log return",
    )
    jump_sigmas: float = Field(
        15.0,
        gt=0,
        description="smallest jump in sigmas",
    )
    jump_turnover: float = Field(
        2.5, gt=0, description="turnover below which a jump is unexplained, multiple"
    )
    jump_flat: float = Field(
        4.5, gt=0, description="overnight part of a jump over the day's range, ratio"
    )
    abrupt_move: float = Field(
        0.35, gt=0, description="fall that is abrupt whatever the turnover, log return"
    )
    abrupt_flat: float = Field(
        10.0,
        gt=0,
        description="overnight part of an abrupt fall over the day's range, ratio",
    )
    blind_move: float = Field(
        0.30,
        gt=0,
        description="smallest jump where there is no volume to judge by, log return",
    )
    tick_move: float = Field(
        0.05,
        gt=0,
        description="smallest move that comes back called a bad tick, log return",
    )
    tick_sigmas: float = Field(
        6.0,
        gt=0,
        description="smallest bad tick in sigmas",
    )
    tick_rows: int = Field(
        10,
        ge=1,
        description="rows within which a bad tick comes back",
    )
    tick_match: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="what may be left after it came back, fraction of the move",
    )
    split_sigmas: float = Field(
        10.0,
        gt=0,
        description="smallest split-like jump in sigmas; twice that below 2:1",
    )
    split_match: float = Field(
        0.05, gt=0, description="distance from a split's ratio at open or close, log"
    )
    split_match_blind: float = Field(
        0.02, gt=0, description="the same where there is no volume, log"
    )
    large_move: float = Field(
        0.25, gt=0, description="smallest move told as information, log return"
    )
    large_sigmas: float = Field(
        8.0, gt=0, description="smallest move told as information in sigmas"
    )
    spike: float = Field(
        0.12, gt=0, description="high or low beyond open, close and close before, log"
    )
    spike_ranges: float = Field(
        6.0, gt=0, description="the same in multiples of the symbol's usual daily range"
    )
    spike_market: float = Field(
        3.0, gt=0, description="the same in multiples of the market's range that day"
    )
    spike_turnover: float = Field(
        6.0,
        gt=0,
        description="turnover above which a high or low is believed, multiple",
    )
    liquid: float = Field(
        500_000.0, gt=0, description="usual daily turnover of a liquid symbol, money"
    )
    stale_rows: int = Field(
        3,
        ge=1,
        description="rows that repeat the row before, fewest",
    )
    stale_opens: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="opens equal to the close before, fraction of a year's rows",
    )
    adj_close: float = Field(
        0.02,
        gt=0,
        description="adj_close return against the actions' return, ratio less 1",
    )
    action: float = Field(
        0.04,
        gt=0,
        description="smallest dividend or split whose effect is looked for, log",
    )
    action_sigmas: float = Field(
        2.5, gt=0, description="return left when an action is not in the price, sigmas"
    )
    action_readings: float = Field(
        0.05, gt=0, description="readings of a dividend with a split apart, log"
    )
    dividend_days: int = Field(
        15,
        ge=1,
        description="different dividends closer than this are odd, calendar days",
    )
    dividend_pairs: int = Field(
        6, ge=1, description="such pairs before two histories count as mixed, fewest"
    )
    reuse_gap: int = Field(
        20,
        ge=1,
        description="sessions without rows after which another company may follow",
    )
    reuse_sigmas: float = Field(
        4.0, gt=0, description="level after the gap, sigmas times root of sessions"
    )
    repeated_session: float = Field(
        0.2,
        gt=0,
        le=1,
        description="symbols that repeat the day before, fraction of all",
    )
    twins: float = Field(
        0.95,
        gt=0,
        le=1,
        description="sessions with the same return in two symbols, fraction",
    )
    twin_rows: int = Field(
        60, ge=2, description="common sessions in a year that are compared, fewest"
    )
