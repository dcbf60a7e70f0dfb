"""The verdicts of the checks in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from bt_run.causality.outside_reads import outside_read_text
from bt_run.causality.own_state import MEMO
from bt_run.causality.reading import suspicion_text
from bt_run.checks.lookahead import Lookahead
from bt_run.checks.search import Leak
from bt_run.checks.warmup import WarmUp, WarmUpStep

__all__ = ["lookahead_text", "warmup_text"]


def lookahead_text(found: Lookahead) -> str:
    """Return the verdict on look-ahead, with what was tried and how sure it is."""
    lines: list[str] = []
    for leak in found.leaks:
        lines += _leak(leak)
    lines += _tried(found)
    lines += [f"not tried: {reason}" for reason in found.skipped]
    if found.verdict == "nothing to check":
        lines.append(f"nothing to check: {found.nothing}")
    elif found.leaks:
        count = len(found.leaks)
        know = "quantity knows" if count == 1 else "quantities know"
        lines.append(f"LOOK-AHEAD: {count} {know} the future")
        lines.append(
            "what comes after a leak is not looked at: fix it, then check again"
        )
    elif found.own_state:
        lines.append(f"OWN STATE: {found.own_state}")
        lines.append(MEMO)
    else:
        lines.append(
            "clean: no signal, weight, memo, order or fill changed with its future"
        )
    lines += [f"suspicious: {suspicion_text(one)}" for one in found.suspicions]
    lines += [f"suspicious: {outside_read_text(one)}" for one in found.outside]
    return "\n".join(lines)


def warmup_text(found: WarmUp) -> str:
    """Return the verdict on the warm-up, with each length of history that was tried."""
    if found.nothing:
        return f"nothing to check: {found.nothing}"
    lines = [f"{'history':>9}  {'largest difference':>18}  agrees from"]
    lines += [_step_line(step) for step in found.steps]
    if found.need is None:
        lines.append(
            f"NOT SETTLED: with {found.have} bars before the start the outputs still change with "
            "more history; they use all of it (an expanding statistic), or need an earlier "
            "data.history_from or a later data.start"
        )
    else:
        lines.append(
            f"enough: {found.need} bars before the start suffice; the run has {found.have}"
        )
    return "\n".join(lines)


def _leak(leak: Leak) -> Iterator[str]:
    who = f" of {leak.asset}" if leak.asset else ""
    yield f"{leak.component}: {leak.quantity}{who} at {leak.first} knew the future"
    size = f" (largest difference {leak.size:.3g})" if leak.size != float("inf") else ""
    if leak.was or leak.became:
        yield f"  was {leak.was}, and with {leak.way} {leak.date} it is {leak.became}{size}"
    yield f"  likely cause: {leak.cause}"
    yield f"  to fix it: {leak.fix}"
    yield ""


def _tried(found: Lookahead) -> Iterator[str]:
    if not found.dates:
        return
    yield (
        f"tried {len(found.dates)} dates, {found.dates[0]} to {found.dates[-1]}, {found.passes} "
        f"other futures, {found.rows:,} rows compared"
    )
    if found.rounding:
        yield (
            f"differences up to {found.rounding:.1e} count as rounding: a filter's last digits "
            "depend on its length"
        )
    if not found.leaks:
        yield (
            f"how sure: what leaks on more than {found.missed_share:.0%} of the dates was found "
            "with 95 % certainty; a leak that needs a rarer event may need more --dates"
        )
    if not found.leaks and found.cuts:
        yield (
            f"signals alone were compared at {found.cuts} dates more, beside listings, actions, "
            "gaps and ends of periods among others: of them, on more than "
            f"{found.missed_share_of_signals:.0%}"
        )


def _step_line(step: WarmUpStep) -> str:
    if step.failed:
        return f"{step.bars:>9}  {'fails':>18}  {step.failed}"
    size = (
        "one has no value"
        if step.difference == float("inf")
        else f"{step.difference:.3g}"
    )
    if step.settled == 0:
        agrees = "the start"
    else:
        agrees = f"bar {step.settled} on" if step.settled else "never"
    return f"{step.bars:>9}  {size:>18}  {agrees}"
