"""Cases of sources: what they load are bars."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from bt_run.data.bars import FIELDS, Bars, LoadRequest
from bt_run.errors import BtRunError
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable, told
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.samples import (
    LAST,
    request_of,
    symbols_of,
    why_nothing_loads,
)

__all__ = ["CASES"]

UNKNOWN = "NO_SUCH_SYMBOL"


def _loaded(bench: Bench) -> tuple[Any, LoadRequest, Bars]:
    source = bench.subject.build().thing
    symbols = symbols_of(source)
    if not symbols:
        raise NotApplicable(
            "has no symbol to load here without the network; files can be read by `example`, "
            "in which {prices} is a folder of made prices"
        )
    request = request_of(source, symbols)
    return source, request, source.load(request)


def _loads(bench: Bench) -> None:
    why = why_nothing_loads(bench.subject.build().thing)
    if why:
        raise Broken(why, "bars of at least one symbol that symbols() lists")
    _, request, bars = _loaded(bench)
    if not isinstance(bars, Bars):
        raise Broken(
            f"loaded a {type(bars).__name__}", "Bars; assemble_bars makes them"
        )
    shape = (len(bars.times), len(bars.assets))
    wrong = [name for name in FIELDS if getattr(bars.adjusted, name).shape != shape]
    if wrong or bars.present.shape != shape or bars.benchmark.shape != shape[:1]:
        raise Broken(
            f"{', '.join(wrong) or 'present or benchmark'} of another shape than {shape}",
            "one grid for all",
        )
    if (np.diff(bars.times) <= np.timedelta64(0)).any():
        raise Broken("times that do not rise", "rising, unique times in UTC")
    if len(bars) == 0 or bars.sessions[bars.start] < np.datetime64(request.start):
        raise Broken(
            f"a start at bar {bars.start}", f"the first bar on or after {request.start}"
        )


def _sorted(bench: Bench) -> None:
    source, request, bars = _loaded(bench)
    if bars.assets != tuple(sorted(request.assets)):
        raise Broken(
            f"the assets {', '.join(bars.assets)}",
            f"those asked for, sorted: {', '.join(sorted(request.assets))}",
        )
    turned = replace(request, assets=dict(reversed(list(request.assets.items()))))
    if source.load(turned).fingerprint != bars.fingerprint:
        raise Broken(
            "other bars when the assets were asked for in another order", "the same"
        )


def _present_rows(bench: Bench) -> None:
    _, _, bars = _loaded(bench)
    for name in ("open", "high", "low", "close"):
        values = getattr(bars.adjusted, name)
        known = name == "close" or np.isfinite(values).any()
        bad = bars.present & ~(values > 0)
        if known and bad.any():
            row, column = (int(item[0]) for item in np.nonzero(bad))
            where = f"{bars.assets[column]} at {bars.sessions[row]}"
            found = f"{name} was {values[row, column]} for {where}, a row present"
            raise Broken(found, "a price above 0, or no row")
    if np.isfinite(bars.close[~bars.present]).any():
        raise Broken(
            "prices where no row is present", "NaN there; nothing is filled in"
        )


def _window(bench: Bench) -> None:
    _, request, bars = _loaded(bench)
    assert request.history_from is not None
    outside = (bars.sessions < np.datetime64(request.history_from)) | (
        bars.sessions > np.datetime64(request.end)
    )
    if outside.any():
        window, one = (
            f"{request.history_from} to {request.end}",
            bars.sessions[outside][0],
        )
        found = f"{int(outside.sum())} bars outside {window}, such as {one}"
        raise Broken(found, "bars inside the window only")


def _second_load(bench: Bench) -> None:
    source, request, bars = _loaded(bench)
    if source.load(request).fingerprint != bars.fingerprint:
        raise Broken(
            "other bytes at the second load",
            "the same; the fingerprint is part of a run's identity",
        )


def _prefix(bench: Bench) -> None:
    source, request, bars = _loaded(bench)
    middle = bars.sessions[bars.start + max(1, (len(bars) - bars.start) // 2)]
    short: Bars = source.load(replace(request, end=middle.item()))
    for panel in ("adjusted", "traded"):
        for name in FIELDS:
            long_values = getattr(getattr(bars, panel), name)[: len(short)]
            if not np.array_equal(
                getattr(getattr(short, panel), name), long_values, equal_nan=True
            ):
                raise Broken(
                    f"the {name} ({panel}) of rows before {middle} is another one when the data "
                    "end there",
                    "the same rows; adjust forward from the first bar, never back from the last",
                )


def _unknown(bench: Bench) -> None:
    source, request, _ = _loaded(bench)
    try:
        source.load(replace(request, assets={**request.assets, "X": UNKNOWN}))
    except BtRunError as error:
        if UNKNOWN not in str(error):
            raise Broken(told(error), f"a DataError that names {UNKNOWN}") from error
        return
    except Exception as error:
        raise Broken(told(error), f"a DataError that names {UNKNOWN}") from error
    raise Broken(
        f"bars, though the source has no {UNKNOWN}", f"a DataError that names {UNKNOWN}"
    )


def _empty_window(bench: Bench) -> None:
    source, request, _ = _loaded(bench)
    late = replace(
        request, history_from=None, start=LAST - timedelta(days=30), end=LAST
    )
    try:
        source.load(late)
    except BtRunError:
        return
    except Exception as error:
        raise Broken(
            told(error), "a DataError that says which days there are"
        ) from error
    raise Broken(f"bars from {late.start} on", "a DataError: there are none")


CASES = (
    *offer_cases("D"),
    Case(
        "D08",
        "loads_bars",
        "everything downstream reads one grid of times and assets",
        _loads,
        ("D01",),
    ),
    Case(
        "D09",
        "assets_are_sorted",
        "the order of the YAML must not decide a tie",
        _sorted,
        ("D12",),
    ),
    Case(
        "D10",
        "present_rows_have_prices",
        "a NaN in a row that is present becomes a NaN in the account",
        _present_rows,
        ("D08",),
    ),
    Case(
        "D11",
        "keeps_to_the_window",
        "rows after the end are the future, rows before change the warm-up",
        _window,
        ("D08",),
    ),
    Case(
        "D12",
        "a_second_load_is_the_same",
        "a source is asked again, by checks and by tables; what the first load left behind must "
        "not show",
        _second_load,
        ("D06",),
    ),
    Case(
        "D13",
        "an_earlier_end_is_a_prefix",
        "prices adjusted back from the end know every later dividend",
        _prefix,
        ("D12",),
    ),
    Case(
        "D14",
        "refuses_unknown_symbols",
        "a symbol that is left out in silence is a portfolio that nobody asked for",
        _unknown,
        ("D08",),
    ),
    Case(
        "D15",
        "refuses_an_empty_window",
        "no bars at all must not look like a result",
        _empty_window,
        ("D08",),
    ),
)
