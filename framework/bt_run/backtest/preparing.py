"""All that a run needs before its first bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bt_run.backtest.advice import warnings_of
from bt_run.backtest.building import Builder, Parts, build_parts
from bt_run.backtest.free_rate import free_rate_notes, with_free_rate
from bt_run.backtest.loading import load_bars, with_assets
from bt_run.backtest.needs import check_needs
from bt_run.backtest.outside import joint_fingerprint, outside_files
from bt_run.backtest.watch import Watch
from bt_run.catalogue import Catalogue
from bt_run.component import BuildContext
from bt_run.config.binding import BoundConfig, bind, with_resolved_names
from bt_run.config.canonical_form import placed, resolved
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.data_notes import stale_opens_note
from bt_run.data.delisting import with_silent_assets
from bt_run.data.frames import GivenPrices, prices_from
from bt_run.errors import ConfigError
from bt_run.guard import guarded
from bt_run.model import ComponentSpec
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.sources import local_file_hash
from bt_run.roles import TakesPrices
from bt_run.terms import BrokerTerms
from bt_run.text import did_you_mean

if TYPE_CHECKING:
    import pluggy

__all__ = ["Prepared", "is_of_the_data", "prepare", "prepare_on", "set_key"]

DELISTING = "broker.delisting"  # decides at load what the bars say of silent assets


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A configuration bound, built and checked, and the bars.

    Attributes:
        config: the configuration, its assets named.
        plugins: the plugin manager of the run.
        bound: each component's offer and its checked keys.
        parts: the built components.
        bars: the bars, those before the start included.
        fingerprint: the hash of all data that the run reads.
        files: the hashes of files that components name, by the path of their key.
        sources: what its sources say they read.
        warnings: what in the configuration defeats itself, a sentence each.
        plugin_hashes: those of the local plugin files before they were imported.
    """

    config: RunConfig
    plugins: pluggy.PluginManager
    bound: BoundConfig
    parts: Parts
    bars: Bars
    fingerprint: str
    files: Mapping[str, str]
    sources: Mapping[str, str]
    warnings: tuple[str, ...]
    plugin_hashes: tuple[str, ...] = ()

    def changed(self, changes: Mapping[str, Any]) -> Prepared:
        """Return what this is with ``changes``, other values at dotted keys such as
        ``strategy.fast`` or ``overlays.0.annual``, on the same bars.

        Raises:
            ConfigError: a key is unknown, belongs to the data, or its value cannot be.
        """
        tree = resolved(self.config, self.bound)
        for key, value in changes.items():
            if is_of_the_data(key):
                raise ConfigError(
                    f"{key}: belongs to the data, which are loaded once; prepare another run for it"
                )
            set_key(tree, key, value)
        config = RunConfig.model_validate(tree)
        return replace(self, **_on_bars(config, self.plugins, self.bars, self.sources))


def is_of_the_data(key: str) -> bool:
    """Tell whether a dotted ``key`` changes the bars themselves."""
    return key.split(".")[0] == "data" or key.startswith(DELISTING)


def set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted ``key`` of a configuration's ``tree`` to ``value``.

    Raises:
        ConfigError: there is no such place.
    """
    *path, last = key.split(".")
    node: Any = tree
    for place in path:
        node = _below(node, place, key)
    if isinstance(node, list):
        _below(node, last, key)
        node[int(last)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ConfigError(f"{key}: {'.'.join(path)} holds no keys; found {node!r}")


def _below(node: Any, place: str, key: str) -> Any:
    if isinstance(node, list) and place.isdigit() and int(place) < len(node):
        return node[int(place)]
    if isinstance(node, dict) and place in node:
        return node[place]
    known = list(node) if isinstance(node, dict) else range(len(node or ()))
    raise ConfigError(
        f"{key}: no {place!r}; found {', '.join(map(str, known)) or 'nothing'}"
        f"{did_you_mean(place, map(str, known))}"
    )


def prepare_on(config: RunConfig, bars: Bars, sources: Mapping[str, str]) -> Prepared:
    """Bind and build the components of a ``config`` whose assets are named, on ``bars`` that were
    prepared for it before; ``sources`` are what its sources said they read, as ``Prepared`` has
    them.

    Raises:
        BtRunError: everything that can be refused is refused here.
    """
    plugins = get_plugin_manager(config.plugins)
    built = _on_bars(config, plugins, bars, sources)
    return Prepared(plugins=plugins, bars=bars, sources=dict(sources), **built)


def _on_bars(
    config: RunConfig,
    plugins: pluggy.PluginManager,
    bars: Bars,
    sources: Mapping[str, str],
) -> dict[str, Any]:
    """Return what `Prepared` holds of a configuration on bars that are there."""
    bound = with_resolved_names(bind(config, catalogue(plugins)))
    parts = build_parts(config, bound)
    config = with_free_rate(config, parts.broker, bars)
    check_needs(parts, bars)
    told = {**parts.fingerprints, **sources}
    return {
        "config": config,
        "bound": bound,
        "parts": parts,
        "fingerprint": joint_fingerprint(bars.fingerprint, told),
        "files": outside_files(config, bound),
        "warnings": warnings_of(config, parts, bars),
    }


def prepare(
    config: RunConfig,
    watch: Watch | None = None,
    *,
    offline: bool = False,
    bars: Any = None,
) -> Prepared:
    """Bind and build the components and load the bars.

    ``watch`` times the phases for whoever shows them. ``offline`` forbids sources the network.
    ``bars`` are the prices where the source is one in memory: what ``bars_from`` takes or returns.

    Raises:
        BtRunError: everything that can be refused is refused here.
    """
    watch = watch or Watch(None)
    given = None if bars is None else prices_from(bars, calendar=config.data.calendar)
    with watch.phase("configuration"):
        files_of_plugins = dict.fromkeys(path.resolve() for path in config.plugins)
        hashes = [local_file_hash(path) for path in files_of_plugins if path.is_file()]
        plugins = get_plugin_manager(config.plugins)
        offered = catalogue(plugins)
        if given is not None:
            _refuse_another_request(config, given)
            config = _with_fingerprint(config, offered, given)
        bound = with_resolved_names(bind(config, offered))
        files = outside_files(config, bound)
        parts = build_parts(config, bound)
        sources = Builder(BuildContext(costs=parts.broker.costs, seed=config.seed))
        source = sources.source(bound.source)
        if given is not None:
            source = _taking(config, source, given)
        others = {
            name: sources.build(item, f"data.tables.{name}.source")
            for name, item in bound.tables.items()
        }
    with watch.phase("data"):
        config = config.model_copy(update={"data": with_assets(config.data, source)})
        loaded = load_bars(config.data, source, others, offline=offline)
        delisting = parts.broker.delisting
        loaded = with_silent_assets(loaded, delisting.after, delisting.silent)
        loaded = _with_broker_notes(loaded, parts.broker)
        rated = with_free_rate(config, parts.broker, loaded)
        loaded = replace(loaded, notes=(*loaded.notes, *free_rate_notes(config, rated)))
        config = rated
        check_needs(parts, loaded)
    config._whole = placed(config, bound)
    config._write_prices = source.write if given is not None else None
    told = {**parts.fingerprints, **sources.fingerprints}
    return Prepared(
        config=config,
        plugins=plugins,
        bound=bound,
        parts=parts,
        bars=loaded,
        fingerprint=joint_fingerprint(loaded.fingerprint, told),
        files=files,
        sources=dict(sources.fingerprints),
        warnings=warnings_of(config, parts, loaded),
        plugin_hashes=tuple(hashes),
    )


def _with_fingerprint(
    config: RunConfig, offered: Catalogue, given: GivenPrices
) -> RunConfig:
    """Return a configuration whose source says which prices in memory it has."""
    source = config.data.source
    if not isinstance(source, ComponentSpec):
        raise ConfigError(
            "bars: were given, and data.source lists several sources; expected one that takes them"
        )
    config_of_source = offered.find("source", source.use).component.config
    if "fingerprint" not in config_of_source.model_fields:
        raise _loads_its_own(config)
    told = {"fingerprint": given.fingerprint} | source.options
    named = ComponentSpec(use=source.use, options=told)
    data = config.data.model_copy(update={"source": named})
    return config.model_copy(update={"data": data})


def _taking(config: RunConfig, source: Any, given: GivenPrices) -> Any:
    if not isinstance(source, TakesPrices):
        raise _loads_its_own(config)
    return guarded("data.source: taking the prices", source.taking, given)


def _refuse_another_request(config: RunConfig, given: GivenPrices) -> None:
    """Refuse bars that were made for another window, benchmark, adjustment or calendar."""
    made, data = given.request, config.data
    if made is None:
        return
    for key, own, theirs in (
        ("benchmark", data.benchmark, made.benchmark[0]),
        ("start", data.start, made.start),
        ("end", data.end, made.end),
        ("adjust", data.adjust, made.adjust),
        ("calendar", data.calendar, made.calendar),
    ):
        if own != theirs:
            raise ConfigError(
                f"data.{key}: was {own}, and the bars given were made with {theirs}; expected the "
                f"same, or the frames themselves instead of bars_from(...)"
            )


def _loads_its_own(config: RunConfig) -> ConfigError:
    return ConfigError(
        f"bars: were given, and source {config.data.source_names!r} loads its own; expected a "
        "source that takes them"
    )


def _flow_notes(bars: Bars, broker: BrokerTerms) -> tuple[str, ...]:
    """Return notes on money from outside.

    Raises:
        ConfigError: some came before the run.
    """
    if broker.flows is None:
        return ()
    flows = broker.flows(bars.sessions)
    first = bars.sessions[bars.start]
    if flows.amount[: bars.start + 1].any():
        raise ConfigError(
            f"broker.flows: some are dated {first} or before, when the run starts with "
            "`broker.cash`; expected later days"
        )
    return flows.notes


def _with_broker_notes(bars: Bars, broker: BrokerTerms) -> Bars:
    """Note what the broker's terms make of the data: its interest rates, and opens, of which a
    warning tells where orders fill at them.
    """
    rates = broker.rates(bars.sessions).notes if broker.rates else ()
    rates = (*rates, *_flow_notes(bars, broker))
    opens = () if broker.fill == "next_open" else stale_opens_note(bars)
    return replace(bars, notes=(*bars.notes, *rates, *opens))
