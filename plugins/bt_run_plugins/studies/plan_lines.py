"""What the commands of sweeps print."""

from __future__ import annotations

from collections.abc import Sequence

from bt_run.results.metric_definitions import format_metric
from bt_run.studies.cells import Outcome
from bt_run.studies.sweeping import Sweep, Tried
from bt_run.text import aligned, counted

__all__ = ["duration_text", "outcome_lines", "plan_text", "progress_text"]

SHOWN = 10  # of the best cells
METRICS = ("sharpe", "cagr", "max_drawdown", "turnover_one_way")


def plan_text(sweep: Sweep, seconds: float) -> str:
    """Say how many cells a ``sweep`` has, and how long one takes, which took ``seconds``."""
    total = sweep.search.total
    size = "no end of" if sweep.space.size is None else f"{sweep.space.size:,}"
    return (
        f"{sweep.config.name}: {counted(total, 'cell')} of {size} combinations, "
        f"search: {sweep.settings.search}; one takes {seconds:.2f} s, all by one worker "
        f"{duration_text(total * seconds)}"
    )


def progress_text(ended: int, total: int, seconds: float) -> str:
    """Say how many cells have ``ended`` of ``total`` in ``seconds``, at what rate, and how long
    the others will take.
    """
    rate = ended / seconds if seconds > 0 else 0.0
    left = duration_text((total - ended) / rate) if rate else "?"
    return f"{ended}/{total} cells, {rate:.1f}/s, {left} left"


def duration_text(seconds: float) -> str:
    """Return ``seconds`` as ``2 h 05 min``, ``3 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"


def outcome_lines(sweep: Sweep, tried: Sequence[Tried]) -> list[str]:
    """Return the best cells, the best first, and each that failed with the reason."""
    ranked = sorted(
        (one for one in tried if one.score is not None),
        key=lambda one: (-sweep.score.sign * (one.score or 0.0), one.number),
    )
    keys = list(sweep.space.axes)
    metrics = [metric for metric in METRICS if metric != sweep.score.name]
    rows = [("run id", *keys, sweep.score.name, *metrics)]
    rows += [_row(one, keys, metrics) for one in ranked[:SHOWN]]
    lines = aligned(rows) if ranked else ["no cell has a score"]
    if len(ranked) > SHOWN:
        lines.append(f"... and {len(ranked) - SHOWN} more in cells.parquet")
    for one in tried:
        if one.outcome.status != "ok":
            values = ", ".join(f"{key} = {value}" for key, value in one.candidate)
            lines.append(f"{one.outcome.status}: {values}: {_first(one.outcome)}")
    return lines


def _first(outcome: Outcome) -> str:
    return outcome.text.splitlines()[0] if outcome.text else "no text"


def _row(one: Tried, keys: Sequence[str], metrics: Sequence[str]) -> tuple[str, ...]:
    values = dict(one.candidate)
    result = one.outcome.result
    found = {} if result is None else result.metrics
    shown = [format_metric(metric, found.get(metric)) for metric in metrics]
    score = "n/a" if one.score is None else f"{one.score:.4g}"
    return (one.key, *(str(values[key]) for key in keys), score, *shown)
