"""Cases of the roles that act at decisions: strategies, sizers, overlays and triggers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bt_run.causality.futures import noise_after
from bt_run.data.bars import Bars
from bt_run.data.slices import from_bar
from bt_run.errors import BtRunError, ConfigError, PluginError
from bt_run.testing.conformance.answers import (
    CLOSE,
    all_answers,
    ask_again,
    equal_answers,
    frozen,
    frozen_array,
    is_classic,
    is_vectorised,
    memo_of,
    near,
    some_answers,
)
from bt_run.testing.conformance.cases import (
    Bench,
    Broken,
    Case,
    NotApplicable,
    differing,
    told,
)
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.markets import MARKETS, reversed_assets
from bt_run.testing.conformance.plays import Play, play_on, play_rows

__all__ = ["stage_cases"]

CUTS = (75, 160, 290)  # bars of the calm market after which the future is exchanged
AHEAD = 30
SLOW = 100.0  # times the kit's own plain call
_TROUBLES = (
    ("10", "short_history", "short", "a run may start on the first day there is"),
    (
        "11",
        "missing_bars",
        "ugly",
        "assets are listed late, delisted, and miss sessions, and an answer is due all the same",
    ),
    ("12", "one_asset", "one", "a run with one asset is a common one"),
    (
        "13",
        "constant_prices",
        "constant",
        "a halted or pegged asset has no volatility, and divisions by 0 show up",
    ),
    (
        "14",
        "extreme_prices",
        "extreme",
        "units and splits make prices of 1e-6 and of 1e9, and days of a tenfold gain",
    ),
)


def stage_cases(letter: str) -> tuple[Case, ...]:
    """Return the cases 01 to 19 and 30."""
    answers = f"{letter}08"
    return (
        *offer_cases(letter),
        Case(
            answers,
            "answers",
            "everything else presupposes an answer of the right shape",
            _answers,
            (f"{letter}01",),
        ),
        Case(
            f"{letter}09",
            "no_look_ahead",
            "what uses later data earns money in the test and nowhere else",
            _no_look_ahead,
            (answers, f"{letter}06"),
        ),
        *(
            Case(f"{letter}{number}", name, why, _trouble(where), (answers,))
            for number, name, where, why in _TROUBLES
        ),
        *_state_cases(letter),
        Case(
            f"{letter}30",
            "time_per_call",
            "slow calls are paid at every decision of every run",
            _time,
            (answers,),
        ),
    )


def _state_cases(letter: str) -> tuple[Case, ...]:
    answers, again = f"{letter}08", f"{letter}06"
    return (
        Case(
            f"{letter}15",
            "forgets_the_beginning",
            "an answer that depends on where the data begin changes with every new download",
            _warm,
            (answers, again),
        ),
        Case(
            f"{letter}16",
            "order_of_assets",
            "the names decide the order of the columns, and a name must not decide what is bought",
            _permuted,
            (answers, again),
        ),
        Case(
            f"{letter}17",
            "leaves_its_inputs_alone",
            "what one component writes into an input, the next one and the ledger read",
            _inputs,
            (answers,),
        ),
        Case(
            f"{letter}18",
            "no_hidden_state",
            "what is kept in the object is lost when a run is cut and resumed, live above all; a "
            "memo is not",
            _no_hidden_state,
            (answers, again),
        ),
        Case(
            f"{letter}19",
            "memo_survives_json",
            "memos are kept as JSON; what comes back different makes a resumed run another run",
            _memo,
            (answers,),
        ),
    )


def _answers(bench: Bench) -> None:
    error = bench.play("calm").error
    if isinstance(error, ConfigError):
        raise NotApplicable(f"needs what the made markets do not have: {told(error)}")
    _complete(bench.play("calm"), "calm")
    _lively(bench)


def _lively(bench: Bench) -> None:
    """Refuse to call a component tested that never did anything."""
    play, role = bench.play("calm"), bench.subject.role
    values = np.array([answer.values for answer in play.answers])
    if role == "overlay":
        idle = all(
            np.array_equal(answer.values, answer.rest[0])
            for answer in play.answers
            if answer.values is not None
        )
        words = "left all weights as they were"
    else:
        idle, words = (
            not (np.nan_to_num(values) != 0.0).any(),
            "gave nothing but 0 or NaN",
        )
    if idle:
        raise NotApplicable(
            f"{words} on the calm market of {len(play.bars)} bars; give shorter keys by `example`"
        )


def _complete(play: Play, name: str) -> None:
    """Raise Broken if the play was stopped, or an answer has the wrong shape."""
    if play.error is not None:
        where = "" if play.at is None else f" at bar {play.at} of {len(play.bars)}"
        raise Broken(
            f"on the {name} market{where}: {told(play.error)}",
            "an answer; NaN or 0 where nothing is known",
        )
    for answer in play.answers:
        if answer.values is None:
            shape = (len(play.bars.assets),)
            right = (
                f"a Verdict with names of shape {shape} or None"
                if answer.rest and answer.state
                else ""
            )
            raw = getattr(answer.raw, "values", answer.raw)
            raise Broken(
                f"on the {name} market at bar {answer.bar}: {type(raw).__name__} of shape "
                f"{np.shape(raw)}",
                right or f"numbers of shape {shape}, one an asset",
            )


def _trouble(name: str) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        error = bench.play(name).error
        if isinstance(error, BtRunError) and not isinstance(error, PluginError):
            raise NotApplicable(f"refuses the {name} market: {told(error)}")
        _complete(bench.play(name), name)

    return check


def _no_look_ahead(bench: Bench) -> None:
    """Exchange the future. What sees all rows is compared on two other futures of one length, S21
    does the rest.
    """
    bars, rows = bench.market("calm"), is_vectorised(bench)
    for number, cut in enumerate(CUTS):
        other = _with_noise(bench, bars, cut, number)
        one = (
            _with_noise(bench, bars, cut, number + len(CUTS))
            if rows
            else bench.play("calm")
        )
        if not other.answers and other.error is not None:
            continue  # it cannot live on noise, which is no look-ahead
        if text := differing(
            Play(bars, one.until(cut)), Play(bars, other.until(cut)), cut, 1e-9
        ):
            raise Broken(
                f"with other prices after bar {cut}, {text}",
                f"the same answers up to bar {cut}",
            )


def _with_noise(bench: Bench, bars: Bars, cut: int, seed: int) -> Play:
    return play_on(
        bench.subject, noise_after(bars, cut, AHEAD, np.random.default_rng(seed))
    )


def _warm(bench: Bench) -> None:
    if is_classic(bench):
        raise NotApplicable(
            "the sizes of a Backtrader strategy's orders go back to its first trade"
        )
    bars, whole = bench.market("calm"), bench.play("calm")
    for less in (bars.start, bars.start // 2):
        late = play_on(bench.subject, from_bar(bars, less))
        if not isinstance(late.error, BtRunError):
            break
    if isinstance(late.error, BtRunError):
        raise NotApplicable(f"refuses a short history: {told(late.error)}")
    pairs = list(zip(whole.answers, late.answers, strict=False))[-20:]
    if not any(np.isfinite(b.values).any() for _, b in pairs if b.values is not None):
        raise NotApplicable(
            f"gives nothing in {len(bars) - less} bars; give shorter keys by `example`"
        )
    apart = sum(not near(a.values, b.values) for a, b in pairs)
    if len(pairs) != 20 or 2 * apart > len(pairs):
        raise Broken(
            f"{less} bars less of history changed {apart} of the last {len(pairs)} answers, "
            f"{len(bars) - bars.start} bars later",
            "the same answers once there is enough history",
        )


def _permuted(bench: Bench) -> None:
    if is_classic(bench):
        raise NotApplicable(
            "a Backtrader strategy is written for its data in their order"
        )
    if bench.subject.build().names_assets:
        raise NotApplicable("its config names assets")
    whole, other = (
        bench.play("calm"),
        play_on(bench.subject, reversed_assets(bench.market("calm"))),
    )
    turned = tuple(
        replace(a, values=None if a.values is None else a.values[::-1])
        for a in other.answers
    )
    if text := differing(whole, Play(whole.bars, turned), len(whole.bars), CLOSE):
        raise Broken(
            f"with the assets' columns reversed, {text}", "the same answers, reversed"
        )


def _inputs(bench: Bench) -> None:
    if is_classic(bench) or is_vectorised(bench):
        bars = MARKETS["calm"]()
        before = bars.fingerprint
        play_on(bench.subject, bars)
        if replace(bars).fingerprint != before:
            raise Broken("the bars were written to", "bars as they came")
        return
    call = bench.subject.build()
    assert call.call is not None
    for answer in some_answers(bench.play("calm")):
        assert answer.state is not None
        state, rest = (
            frozen(answer.state),
            tuple(frozen_array(item) for item in answer.rest),
        )
        try:
            call.call(state, *rest)
        except ValueError as error:
            if "read-only" in str(error):
                raise Broken(
                    f"at bar {answer.bar}: {told(error)}",
                    "an answer in an array of its own",
                ) from error
            raise Broken(
                f"at bar {answer.bar}: {told(error)}",
                "the answer that was given before",
            ) from error


def _no_hidden_state(bench: Bench) -> None:
    if is_classic(bench):
        raise NotApplicable("a Backtrader strategy keeps its state in the object")
    if is_vectorised(bench):
        signals, bars = bench.subject.build().thing.signals, bench.market("calm")
        signals(reversed_assets(bars))
        if text := differing(bench.play("calm"), play_rows(signals, bars), len(bars)):
            raise Broken(f"after a call with other bars, {text}", "the same answer")
        return
    for answer in bench.play("calm").answers:
        again = ask_again(bench, answer, answer.state)
        if not equal_answers(answer, again):
            raise Broken(
                f"at bar {answer.bar} a fresh object answered {again.values} with the memo "
                f"{memo_of(again)}, "
                f"the used one {answer.values} with {memo_of(answer)}",
                "the same answer and memo from the same state; return a memo for what must survive",
            )


def _memo(bench: Bench) -> None:
    kept = [
        (name, answer)
        for name, answer in all_answers(bench)
        if getattr(answer.raw, "memo", None) is not None
    ]
    if not kept:
        raise NotApplicable("returns no memo")
    for name, answer in kept:
        memo = answer.raw.memo
        try:
            back = json.loads(json.dumps(dict(memo), allow_nan=False))
        except (TypeError, ValueError) as error:
            found = f"on the {name} market at bar {answer.bar}: {memo!r}: {error}"
            raise Broken(
                found,
                "numbers, strings, lists and mappings with strings as keys, of Python's own",
            ) from error
        if back != dict(memo):
            raise Broken(
                f"{memo!r} came back as {back!r}",
                "the same: lists for tuples, strings as keys",
            )


def _time(bench: Bench) -> str:
    if is_classic(bench):
        raise NotApplicable("runs bar by bar on Backtrader's own clock")
    if is_vectorised(bench):
        signals = bench.subject.build().thing.signals
        own = _seconds(lambda: signals(bench.market("calm"))) / len(
            bench.market("calm")
        )
    else:
        answers = list(some_answers(bench.play("calm")))
        own = _seconds(
            lambda: [
                ask_again(bench, answer, answer.state, bench.subject.build())
                for answer in answers
            ]
        )
        own = max(0.0, own / len(answers) - _seconds(bench.subject.build))
    plain = _seconds(lambda: np.nan_to_num(np.ones(3)) / 3)
    remark = f"{1e6 * own:.2g} us a call"
    return (
        f"{remark}: over {SLOW:.0f} times a plain one, a warning"
        if own > SLOW * max(plain, 1e-6)
        else remark
    )


def _seconds(call: Any) -> float:
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[1]
