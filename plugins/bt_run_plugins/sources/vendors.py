"""How the files of known vendors are written: keys of the file sources, by the vendor's name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

__all__ = ["Vendor", "with_vendor"]

Vendor = Literal[
    "yahoo_csv",
    "stooq",
    "tiingo",
    "alpha_vantage",
    "nasdaq",
    "investing",
    "quandl_wiki",
    "polygon_flat",
]
# Investing.com writes dates in the order of its visitor's country, so none is said here; where
# dividends and splits stand in a file, the vendor's own adjusted prices are not needed
_KEYS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "yahoo_csv": {"prices": "split_adjusted"},
        "stooq": {"files": "{symbol}_us_d.csv"},
        "tiingo": {
            "prices": "as_traded",
            "columns": {"dividend": "divCash", "split": "splitFactor"},
            "ignore": ["adjOpen", "adjHigh", "adjLow", "adjClose", "adjVolume"],
        },
        "alpha_vantage": {
            "prices": "as_traded",
            "columns": {
                "date": "timestamp",
                "dividend": "dividend_amount",
                "split": "split_coefficient",
            },
            "ignore": ["adjusted_close"],
        },
        "nasdaq": {
            "columns": {"close": "Close/Last"},
            "dates": "monthfirst",
            "numbers": {"thousands": ",", "currency": "$"},
        },
        "investing": {
            "columns": {"close": "Price", "volume": "Vol."},
            "ignore": ["Change %"],
            "numbers": {"thousands": ",", "multiples": True},
        },
        "quandl_wiki": {
            "prices": "as_traded",
            "columns": {"dividend": "Ex-Dividend", "split": "Split Ratio"},
            "ignore": [
                *("Adj. Open", "Adj. High", "Adj. Low", "Adj. Close", "Adj. Volume"),
                *("adj_open", "adj_high", "adj_low", "adj_close", "adj_volume"),
            ],
        },
        "polygon_flat": {
            "files": "*.csv.gz",
            "columns": {"date": "window_start"},
            "ignore": ["transactions"],
            "dates": "epoch_ns",
        },
    }
)


def with_vendor(given: Any) -> Any:
    """Return keys of a file source with those that its ``vendor`` stands for; own ones go first."""
    if not isinstance(given, Mapping) or given.get("vendor") not in get_args(Vendor):
        return given
    keys = _KEYS[given["vendor"]]
    made = {**keys, **given}
    if isinstance(given.get("columns"), Mapping):
        made["columns"] = {**keys.get("columns", {}), **given["columns"]}
    if isinstance(given.get("ignore"), list | tuple):
        made["ignore"] = list(
            dict.fromkeys([*keys.get("ignore", []), *given["ignore"]])
        )
    return made
