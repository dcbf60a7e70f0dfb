"""From raw to processed: join, clean, validate, and put down what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bt_run import DataError
from bt_run_plugins.market_data.cleaning import LOG_COLUMNS, CleanConfig, clean
from bt_run_plugins.market_data.rules.validation import ValidateConfig, validate
from bt_run_plugins.market_data.store.frames import Joined, join_raw, whole
from bt_run_plugins.market_data.store.manifest import Entry, Key
from bt_run_plugins.market_data.store.store import Store, Writer

if TYPE_CHECKING:
    import pandas as pd


__all__ = [
    "Judged",
    "group",
    "listed",
    "process",
    "read_processed",
    "reported",
    "settings_of",
    "stale",
    "stored_findings",
    "validate_again",
]

_LIBRARIES = ("bt-run", "numpy", "pandas", "pandera", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Hold what came of some series: the log of the cleaning (empty after a validation alone) and
    the findings.
    """

    log: pd.DataFrame
    findings: pd.DataFrame
    failures: pd.DataFrame
    counts: pd.DataFrame


def group(keys: Iterable[Key]) -> list[tuple[Key, ...]]:
    """Return the series by source and interval: symbols are cleaned and compared within such a
    group.
    """
    ordered = sorted(keys, key=lambda key: (key.source, key.interval, key.symbol))
    return [tuple(some) for _, some in groupby(ordered, key=lambda key: (key.source, key.interval))]


def stale(store: Store, key: Key, settings: Mapping[str, Any] | None = None) -> str | None:
    """Say why what was made of a series does not hold any more, if so; with ``settings``, if made
    by others too.
    """
    entry = store.processed(key)
    if entry is None:
        return "it was never cleaned"
    if entry.facts["inputs"] != [raw.sha256 for raw in whole(store.raw(key))]:
        return "prices came after it was cleaned"
    if settings is not None and entry.facts["settings"] != settings:
        return "it was cleaned with other settings"
    return None


def settings_of(clean: CleanConfig, validate: ValidateConfig) -> dict[str, Any]:
    """Return the settings as JSON knows them."""
    return {"clean": clean.model_dump(mode="json"), "validate": validate.model_dump(mode="json")}


def process(
    store: Store, keys: Sequence[Key], clean_config: CleanConfig, validate_config: ValidateConfig
) -> Judged:
    """Clean and validate series that share a source and an interval, and put the results into the
    store.

    Raises:
        DataError: raw prices are missing or damaged.
        ConfigError: a setting does not fit the series.
    """
    joined = {key.symbol: join_raw(store, key) for key in keys}
    cleaned = clean({symbol: item.frame for symbol, item in joined.items()}, clean_config)
    prices = {symbol: item.prices for symbol, item in joined.items()}
    verdict = validate(cleaned.frames, prices, validate_config)
    shared = {
        "settings": settings_of(clean_config, validate_config),
        "calendar": clean_config.calendar,
        "alignment": clean_config.alignment,
        "profile": validate_config.profile,
        "versions": {name: version(name) for name in _LIBRARIES},
    }
    steps = {str(symbol): rows for symbol, rows in cleaned.log.groupby("symbol")}
    with store.writing() as writer:
        for key in keys:
            facts = _facts(joined[key.symbol], steps.get(key.symbol), verdict.findings, key.symbol)
            facts["failed"] = bool((verdict.failures["symbol"] == key.symbol).any())
            writer.put_processed(key, cleaned.frames[key.symbol], shared | facts)
        _put_findings(store, writer, keys, verdict.findings)
    return Judged(
        log=cleaned.log, findings=verdict.findings, failures=verdict.failures, counts=verdict.counts
    )


def validate_again(store: Store, keys: Sequence[Key], config: ValidateConfig) -> Judged:
    """Validate processed series that share a source and an interval, and put the findings into the
    store.

    Raises:
        DataError: a series was never cleaned, or its file is damaged.
    """
    import pandas as pd

    entries = {key: read_processed(store, key) for key in keys}
    frames = {key.symbol: store.read(entry) for key, entry in entries.items()}
    verdict = validate(
        frames, {key.symbol: entry.facts["prices"] for key, entry in entries.items()}, config
    )
    with store.writing() as writer:
        _put_findings(store, writer, keys, verdict.findings)
    return Judged(
        log=pd.DataFrame(),
        findings=verdict.findings,
        failures=verdict.failures,
        counts=verdict.counts,
    )


def read_processed(store: Store, key: Key) -> Entry:
    """Return the processed file of a series.

    Raises:
        DataError: it was never cleaned.
    """
    entry = store.processed(key)
    if entry is None:
        raise DataError(
            f"{store.folder}: {key.symbol} of {key.source} at {key.interval} was never cleaned; "
            f"make it with `bt-run data clean {key.symbol} --source {key.source}`"
        )
    return entry


def stored_findings(store: Store, keys: Sequence[Key]) -> pd.DataFrame | None:
    """Return the newest findings on some series, or None when nothing was ever validated."""
    entry = store.findings()
    if entry is None:
        return None
    table = store.read(entry)
    return table[_of(table, keys)].reset_index(drop=True)


def _facts(
    joined: Joined, steps: pd.DataFrame | None, findings: pd.DataFrame, symbol: str
) -> dict[str, Any]:
    own = findings[findings["symbol"] == symbol]["severity"].value_counts()
    told = (
        []
        if steps is None
        else steps[steps["text"] != ""].drop(columns="symbol").to_dict("records")
    )
    return {
        "inputs": list(joined.inputs),
        "prices": joined.prices,
        "notes": list(joined.notes),
        "steps": told,
        "findings": {str(severity): int(count) for severity, count in own.items()},
    }


def _put_findings(
    store: Store, writer: Writer, keys: Sequence[Key], findings: pd.DataFrame
) -> None:
    """Put findings beside those on other series; a table before that is damaged is left behind."""
    import pandas as pd

    new = findings.assign(source=keys[0].source, interval=keys[0].interval)
    try:
        entry = store.findings()
        old = store.read(entry) if entry else new[:0]
    except DataError:
        old = new[:0]
    kept = old[~_of(old, keys)]
    writer.put_findings(pd.concat([kept, new], ignore_index=True) if len(kept) else new, {})


def _of(table: pd.DataFrame, keys: Sequence[Key]) -> pd.Series[bool]:
    """Return which findings (n,) are on some series of one source and interval."""
    same = (table["source"] == keys[0].source) & (table["interval"] == keys[0].interval)
    return same & table["symbol"].isin([key.symbol for key in keys])


def reported(
    store: Store, keys: Sequence[Key]
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the frames, findings, log and facts that a report on some processed series is made of.

    Raises:
        DataError: a series was never cleaned, or its file is damaged.
    """
    import pandas as pd

    entries = {key.symbol: read_processed(store, key) for key in keys}
    frames = {symbol: store.read(entry) for symbol, entry in entries.items()}
    log = [
        {"symbol": symbol, **step}
        for symbol, entry in entries.items()
        for step in entry.facts["steps"]
    ]
    findings = stored_findings(store, keys)
    assert findings is not None  # cleaning puts them down too
    made = [entry.made_at for entry in entries.values()]
    facts = {
        "title": f"Market data: {keys[0].source} at {keys[0].interval}",
        "source": keys[0].source,
        "interval": keys[0].interval,
        "calendar": _common(entries.values(), "calendar"),
        "profile": _common(entries.values(), "profile"),
        "prices": _common(entries.values(), "prices"),
        "alignment": _common(entries.values(), "alignment"),
        "cleaned": min(made) if min(made) == max(made) else f"{min(made)} to {max(made)}",
        "failed": any(entry.facts["failed"] for entry in entries.values()),
    }
    return frames, findings, pd.DataFrame(log, columns=list(LOG_COLUMNS)), facts


def _common(entries: Iterable[Entry], fact: str) -> str:
    """Return what the entries say of one fact; all of it, where they differ."""
    return ", ".join(sorted({str(entry.facts[fact]) for entry in entries}))


def listed(store: Store, key: Key) -> tuple[object, ...]:
    """Return a line on a series: source, symbol, interval, rows, span, fetched, cleaned, findings."""
    newest, made = store.raw(key)[-1], store.processed(key)
    series = newest.facts["series"]
    why = stale(store, key)
    counts = made.facts["findings"] if made else {}
    return (
        key.source,
        key.symbol,
        key.interval,
        series["rows"],
        f"{series['first']} to {series['last']}",
        str(newest.facts["fetched_at"])[:10],
        "no" if made is None else "yes" if why is None else f"old: {why}",
        ", ".join(f"{count} {severity}" for severity, count in sorted(counts.items())) or "-",
    )
