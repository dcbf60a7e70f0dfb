"""From raw to processed: join, clean, validate, and put down what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bt_run import DataError
from bt_run_plugins.market_data.cleaning import LOG_COLUMNS, CleanConfig, Cleaned, clean
from bt_run_plugins.market_data.rules.validation import (
    ValidateConfig,
    Validation,
    validate,
)
from bt_run_plugins.market_data.store.frames import Joined, counting, join_raw
from bt_run_plugins.market_data.store.manifest import Key, Keys
from bt_run_plugins.market_data.store.records import (
    LoggedStep,
    ProcessedEntry,
    ProcessedFacts,
)
from bt_run_plugins.market_data.store.store import Store, Writer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Judged",
    "ReportInput",
    "group",
    "process",
    "read_processed",
    "reported",
    "series_line",
    "settings_of",
    "stale",
    "stored_findings",
    "validate_again",
]

_LIBRARIES = ("bt-run", "numpy", "pandas", "pandera", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of some series: the log of the cleaning (empty after a validation alone) and the
    findings.
    """

    log: pd.DataFrame
    findings: pd.DataFrame
    failures: pd.DataFrame
    counts: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """What a report on some processed series is made of."""

    frames: Mapping[str, pd.DataFrame]
    findings: pd.DataFrame
    log: pd.DataFrame
    facts: Mapping[str, Any]


def group(keys: Iterable[Key]) -> list[tuple[Key, ...]]:
    """Return the series by source and interval: symbols are cleaned and compared within such a
    group.
    """
    groups: dict[tuple[str, str], list[Key]] = {}
    for key in sorted(keys):
        groups.setdefault((key.source, key.interval), []).append(key)
    return [tuple(groups[kind]) for kind in sorted(groups)]


def stale(
    store: Store,
    key: Key,
    settings: Mapping[str, Any] | None = None,
) -> str | None:
    """Say why what was made of a series does not hold any more, if so; with ``settings``, if made
    by others too.
    """
    entry = store.processed(key)
    if entry is None:
        return "it was never cleaned"
    now = tuple(raw.sha256 for raw in counting(store.raw(key)))
    if entry.facts.inputs != now:
        return "prices came after it was cleaned"
    if settings is not None and entry.facts.settings != settings:
        return "it was cleaned with other settings"
    return None


def settings_of(clean: CleanConfig, validate: ValidateConfig) -> dict[str, Any]:
    """Return the settings as JSON knows them."""
    return {
        "clean": clean.model_dump(mode="json"),
        "validate": validate.model_dump(mode="json"),
    }


def process(
    store: Store,
    keys: Keys,
    clean_config: CleanConfig,
    validate_config: ValidateConfig,
) -> Judged:
    """Clean and validate series that share a source and an interval, and put the results into the
    store.

    Raises:
        DataError: raw prices are missing or damaged.
        ConfigError: a setting does not fit the series.
    """
    joined = {key.symbol: join_raw(store, key) for key in keys}
    made = _clean_and_judge(joined, clean_config, validate_config)
    with store.writing() as writer:
        for key in keys:
            frame = made.cleaned.frames[key.symbol]
            writer.put_processed(key, frame, made.facts_on(key.symbol))
        _put_findings(store, writer, keys, made.verdict.findings)
    return _judged(made.cleaned.log, made.verdict)


def validate_again(store: Store, keys: Keys, config: ValidateConfig) -> Judged:
    """Validate processed series that share a source and an interval, and put the findings into the
    store.

    Raises:
        DataError: a series was never cleaned, or its file is damaged.
    """
    import pandas as pd

    frames = {}
    conventions = {}
    for key in keys:
        entry = read_processed(store, key)
        frames[key.symbol] = store.read(entry)
        conventions[key.symbol] = entry.facts.prices
    verdict = validate(frames, conventions, config)
    with store.writing() as writer:
        _put_findings(store, writer, keys, verdict.findings)
    return _judged(pd.DataFrame(), verdict)


def read_processed(store: Store, key: Key) -> ProcessedEntry:
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


def stored_findings(store: Store, keys: Keys) -> pd.DataFrame | None:
    """Return the newest findings on some series, or None when nothing was ever validated."""
    entry = store.findings()
    if entry is None:
        return None
    table = store.read(entry)
    return table[_on_any(table, keys)].reset_index(drop=True)


@dataclass(frozen=True)
class _Made:
    """What cleaning and validation did to some series together, and by which settings."""

    joined: Mapping[str, Joined]
    cleaned: Cleaned
    verdict: Validation
    clean_config: CleanConfig
    validate_config: ValidateConfig

    @cached_property
    def steps(self) -> Mapping[str, Sequence[LoggedStep]]:
        """Return the steps that had something to say about each symbol."""
        return _steps_by_symbol(self.cleaned.log)

    def facts_on(self, symbol: str) -> ProcessedFacts:
        """Return what the store keeps about one of the series."""
        joined = self.joined[symbol]
        return ProcessedFacts(
            inputs=joined.inputs,
            prices=joined.prices,
            notes=joined.notes,
            steps=tuple(self.steps.get(symbol, ())),
            findings=self._severities(symbol),
            failed=symbol in set(self.verdict.failures["symbol"]),
            settings=settings_of(self.clean_config, self.validate_config),
            calendar=self.clean_config.calendar,
            alignment=self.clean_config.alignment,
            profile=self.validate_config.profile,
            versions=_versions(),
        )

    def _severities(self, symbol: str) -> dict[str, int]:
        """Return how many findings of each severity a symbol has."""
        findings = self.verdict.findings
        own = findings.loc[findings["symbol"] == symbol, "severity"]
        return {
            str(severity): int(count) for severity, count in own.value_counts().items()
        }


def _clean_and_judge(
    joined: Mapping[str, Joined],
    clean_config: CleanConfig,
    validate_config: ValidateConfig,
) -> _Made:
    """Clean and validate what was joined."""
    frames = {symbol: item.frame for symbol, item in joined.items()}
    conventions = {symbol: item.prices for symbol, item in joined.items()}
    cleaned = clean(frames, clean_config)
    verdict = validate(cleaned.frames, conventions, validate_config)
    return _Made(joined, cleaned, verdict, clean_config, validate_config)


def _steps_by_symbol(log: pd.DataFrame) -> dict[str, list[LoggedStep]]:
    """Return the rows of a log that say something, by symbol."""
    steps: dict[str, list[LoggedStep]] = {}
    for row in log[log["text"] != ""].to_dict("records"):
        symbol = str(row.pop("symbol"))
        steps.setdefault(symbol, []).append(LoggedStep.model_validate(row))
    return steps


@cache
def _versions() -> Mapping[str, str]:
    return {name: version(name) for name in _LIBRARIES}


def _judged(log: pd.DataFrame, verdict: Validation) -> Judged:
    return Judged(
        log=log,
        findings=verdict.findings,
        failures=verdict.failures,
        counts=verdict.counts,
    )


def _put_findings(
    store: Store,
    writer: Writer,
    keys: Keys,
    findings: pd.DataFrame,
) -> None:
    """Put findings beside those on other series."""
    import pandas as pd

    table = findings.assign(source=keys[0].source, interval=keys[0].interval)
    others = _findings_on_others(store, keys)
    if others is not None and len(others):
        table = pd.concat([others, table], ignore_index=True)
    writer.put_findings(table)


def _findings_on_others(store: Store, keys: Keys) -> pd.DataFrame | None:
    """Return the findings on all but some series; a table that is damaged is left behind."""
    entry = store.findings()
    if entry is None:
        return None
    try:
        table = store.read(entry)
    except DataError:
        return None
    return table[~_on_any(table, keys)]


def _on_any(table: pd.DataFrame, keys: Keys) -> pd.Series[bool]:
    """Return which findings (n,) are on some series of one source and interval."""
    rows = table["symbol"].isin([key.symbol for key in keys])
    rows &= table["source"] == keys[0].source
    rows &= table["interval"] == keys[0].interval
    return rows


def reported(store: Store, keys: Keys) -> ReportInput:
    """Return what a report on some processed series is made of.

    Raises:
        DataError: a series was never cleaned, or its file is damaged.
    """
    entries = {key.symbol: read_processed(store, key) for key in keys}
    frames = {symbol: store.read(entry) for symbol, entry in entries.items()}
    findings = stored_findings(store, keys)
    assert findings is not None  # cleaning puts them down too
    return ReportInput(
        frames=frames,
        findings=findings,
        log=_kept_log(entries),
        facts=_provenance(keys[0], list(entries.values())),
    )


def _kept_log(entries: Mapping[str, ProcessedEntry]) -> pd.DataFrame:
    """Return the log of the cleaning as far as the store keeps it: the steps that did something."""
    import pandas as pd

    rows = [
        row for symbol, entry in entries.items() for row in _kept_rows(symbol, entry)
    ]
    return pd.DataFrame(rows, columns=list(LOG_COLUMNS))


def _kept_rows(symbol: str, entry: ProcessedEntry) -> list[dict[str, Any]]:
    return [{"symbol": symbol, **step.model_dump()} for step in entry.facts.steps]


def _provenance(key: Key, entries: Sequence[ProcessedEntry]) -> dict[str, Any]:
    """Return what the page says about where its series come from."""
    facts = [entry.facts for entry in entries]
    return {
        "title": f"Market data: {key.source} at {key.interval}",
        "source": key.source,
        "interval": key.interval,
        **_shared(facts),
        "cleaned": _span_text([entry.made_at for entry in entries]),
        "failed": any(fact.failed for fact in facts),
    }


def _shared(facts: Sequence[ProcessedFacts]) -> dict[str, str]:
    """Return what all series have in common; all of it, where they differ."""
    return {
        "calendar": _each_once(fact.calendar for fact in facts),
        "profile": _each_once(fact.profile for fact in facts),
        "prices": _each_once(str(fact.prices) for fact in facts),
        "alignment": _each_once(fact.alignment for fact in facts),
    }


def _span_text(times: Sequence[str]) -> str:
    first = min(times)
    last = max(times)
    if first == last:
        return first
    return f"{first} to {last}"


def _each_once(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def series_line(store: Store, key: Key) -> tuple[object, ...]:
    """Return a line on a series: source, symbol, interval, rows, span, fetched, cleaned and
    findings.
    """
    newest = store.raw(key)[-1].facts
    extent = newest.series
    return (
        key.source,
        key.symbol,
        key.interval,
        extent.rows,
        f"{extent.first} to {extent.last}",
        newest.fetched_at[:10],
        _cleaned_text(store, key),
        _findings_text(store.processed(key)),
    )


def _cleaned_text(store: Store, key: Key) -> str:
    """Say whether a series was cleaned, and why that does not hold any more."""
    if store.processed(key) is None:
        return "no"
    why = stale(store, key)
    return "yes" if why is None else f"old: {why}"


def _findings_text(entry: ProcessedEntry | None) -> str:
    if entry is None:
        return "-"
    counts = entry.facts.findings
    return (
        ", ".join(f"{counts[severity]} {severity}" for severity in sorted(counts))
        or "-"
    )
