"""What the conformance kit tests: components by name, module or file, with the keys to test them
with.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bt_run.backtest.building import Builder, build_one
from bt_run.catalogue import Catalogue, Offer
from bt_run.component import ROLES, BuildContext, Component
from bt_run.config.binding import Binding, Bound
from bt_run.data.frames import GivenPrices
from bt_run.decision.signals import VectorisedSignal
from bt_run.decision.state import PortfolioState
from bt_run.errors import ConfigError
from bt_run.model import ComponentSpec
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.roles import TakesPrices
from bt_run.testing import MadeCosts
from bt_run.testing.conformance.markets import calm_rows
from bt_run.text import did_you_mean

__all__ = ["Built", "Subject", "find_subjects"]

# in an example: a folder in which the kit puts its calm market as csv and parquet files
PRICES = "{prices}"
Watch = Callable[[PortfolioState], None]


@dataclass(frozen=True)
class Built:
    """A built component, the function by which a pipeline calls it, and what must see the bars
    first.

    ``reads`` are the tables of it and its parts; ``names_assets`` tells that a config names assets.
    """

    thing: Any
    call: Callable[..., Any] | None
    vectorised: tuple[VectorisedSignal, ...]
    reads: Mapping[str, str]
    names_assets: bool


@dataclass(frozen=True, eq=False)
class Subject:
    """A component to test, and the keys to test it with.

    Attributes:
        offer: the component and the module that offers it.
        catalogue: all that is offered, for its nested components.
        options: its keys.
    """

    offer: Offer
    catalogue: Catalogue
    options: Mapping[str, Any]

    @property
    def role(self) -> str:
        """Return the component's role."""
        return self.offer.role

    @property
    def component(self) -> Component:
        """Return the component."""
        return self.offer.component

    @property
    def label(self) -> str:
        """Return ``role:name``."""
        return f"{self.role}:{self.component.name}"

    @property
    def file(self) -> Path | None:
        """Return the local file that offers the component; None for an installed module."""
        module = self.offer.module
        return (
            Path(str(module.__file__))
            if module.__name__.startswith("bt_run_local_")
            else None
        )

    def bind(self) -> Bound:
        """Validate the keys.

        Raises:
            ConfigError: they are wrong, or some are missing.
        """
        binding = Binding(self.catalogue, {}, [])
        options = {key: _placed(value) for key, value in self.options.items()}
        bound = binding.bind(
            self.role, ComponentSpec(use=self.component.name, options=options), ()
        )
        if bound is None or binding.errors:
            raise ConfigError("\n".join(binding.errors))
        return bound

    def build(self, watch: Watch | None = None) -> Built:
        """Build the component anew; ``watch`` sees the state that each nested child is called with.

        Raises:
            BtRunError: the keys are wrong, or the build failed.
        """
        bound = self.bind()
        costs = None if self.role == "broker" else MadeCosts(0.0005, 0.0005)
        context = BuildContext(costs=costs, seed=7)
        builder = _Watched(context, watch) if watch else Builder(context)
        thing = (
            build_one(bound, "broker", context)
            if self.role == "broker"
            else builder.build(bound, self.role)
        )
        called = (
            self.role in ("sizer", "overlay", "trigger")
            or hasattr(thing, "signals")
            or hasattr(thing, "signal")
        )
        call = builder.callable_of(bound, thing, self.role) if called else None
        reads = {
            name: kind for own in builder.reads.values() for name, kind in own.items()
        }
        if isinstance(thing, TakesPrices):
            thing = thing.taking(GivenPrices(calm_rows()))
        named = bool(builder.names_assets)
        return Built(thing, call, tuple(builder.vectorised), reads, named)


class _Watched(Builder):
    """A builder like that of a run, which tells of each call to a nested component."""

    def __init__(self, context: BuildContext, watch: Watch) -> None:
        super().__init__(context)
        self.watch = watch

    def call(self, bound: Bound, path: str) -> Callable[..., Any]:
        return _WatchedCall(super().call(bound, path), self.watch)


@dataclass(frozen=True)
class _WatchedCall:
    """A nested component, or a member with a past, which tells of each call to it."""

    inner: Callable[..., Any]
    watch: Watch

    def __call__(self, state: PortfolioState, *rest: Any) -> Any:
        self.watch(state)
        return self.inner(state, *rest)

    def past(self, state: PortfolioState, n: int) -> Any:
        self.watch(state)
        member: Any = self.inner
        return member.past(state, n)


def find_subjects(names: Iterable[str], role: str | None = None) -> tuple[Subject, ...]:
    """Return the components that ``names`` name: components, modules or packages, or local plugin
    files.

    Raises:
        ConfigError: a name fits nothing, or ``role`` is none.
        PluginError: a plugin cannot be imported.
    """
    if role is not None and role not in ROLES:
        raise ConfigError(
            f"no role {role!r}; the roles are {', '.join(ROLES)}{did_you_mean(role, ROLES)}"
        )
    wanted = tuple(dict.fromkeys(names))
    files = [Path(name).resolve() for name in wanted if name.endswith(".py")]
    known = catalogue(get_plugin_manager(files))
    found: dict[str, Subject] = {}
    for name in wanted:
        mine = [offer for offer in _offers(known) if _fits(offer, name)]
        if not mine:
            raise ConfigError(_unknown(name, known))
        kept = [offer for offer in mine if role in (None, offer.role)]
        if not kept:
            raise ConfigError(
                f"{name!r} offers no {role}; it offers {', '.join(sorted({o.role for o in mine}))}"
            )
        for offer in kept:
            found[f"{offer.role}:{offer.component.name}"] = Subject(
                offer, known, offer.component.example
            )
    return tuple(found.values())


def _offers(known: Catalogue) -> Iterator[Offer]:
    for offers in known.offers.values():
        yield from offers.values()


def _fits(offer: Offer, name: str) -> bool:
    """Tell whether ``name`` is the component's name, its module, a package around that, its file or
    distribution.
    """
    module = offer.module.__name__
    if name.endswith(".py"):
        return Path(str(offer.module.__file__)).resolve() == Path(name).resolve()
    distribution = offer.origin.partition(" ")[0]
    return name in (offer.component.name, module, distribution) or module.startswith(
        f"{name}."
    )


def _unknown(name: str, known: Catalogue) -> str:
    names = {offer.component.name for offer in _offers(known)} | {
        o.module.__name__ for o in _offers(known)
    }
    return (
        f"no component, module or distribution {name!r} is installed{did_you_mean(name, names)}; "
        "expected one that "
        "`bt-run plugins` lists, or the path of a local plugin file that ends in .py"
    )


def _placed(value: Any) -> Any:
    return value.replace(PRICES, str(_prices())) if isinstance(value, str) else value


@cache
def _prices() -> Path:
    """Write the calm market's rows into a folder that lasts as long as the process."""
    import pandas as pd

    folder = Path(tempfile.mkdtemp(prefix="bt_run_conformance_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    columns = ("open", "high", "low", "close", "volume")
    for name, rows in calm_rows().items():
        values = {column: np.asarray(getattr(rows, column)) for column in columns}
        frame = pd.DataFrame({"date": rows.times.astype("datetime64[ns]"), **values})
        frame.to_parquet(folder / f"{name}.parquet")
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder
