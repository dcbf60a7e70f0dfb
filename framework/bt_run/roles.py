"""What the thing that a component builds must be able to do, and what it may do beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from bt_run.arrays import Array, Times
from bt_run.data.bars import Bars, LoadRequest
from bt_run.data.frames import GivenPrices
from bt_run.data.several_sources import TellsRows
from bt_run.data.usual_day import UsualDay
from bt_run.decision.lesson import Learner
from bt_run.decision.state import Decision, PortfolioState, Proposal, Verdict
from bt_run.results.comparison import Comparison
from bt_run.results.result import BacktestResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ABILITIES",
    "Accepts",
    "Advises",
    "Analyzer",
    "Compares",
    "Fingerprinted",
    "Gives",
    "Guards",
    "JoinsSymbols",
    "Learner",
    "ListsSymbols",
    "NamesAssets",
    "NeedsFields",
    "NeedsNetwork",
    "OnlyInside",
    "Overlay",
    "Placed",
    "Plan",
    "ReadsTables",
    "ReadsTracks",
    "Report",
    "Signals",
    "Sizer",
    "Source",
    "Strategy",
    "Studies",
    "TakesPrices",
    "TellsRows",
    "TellsSeries",
    "Trigger",
]

# -- roles -----------------------------------------------------------------------------------------


class Source(Protocol):
    """A place that prices come from."""

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the assets of ``request``, from ``history_from`` to ``end``;
        ``assemble_bars`` makes them of rows.
        """
        ...


@runtime_checkable
class Signals(Protocol):
    """A vectorised strategy: row t of (T, N) uses rows <= t only."""

    def signals(self, bars: Bars) -> Array:
        """Return exposures or scores (T, N); NaN on an asset that trades means not eligible."""
        ...


class Strategy(Protocol):
    """An event-driven strategy: (N,), in [-1, 1] when it gives exposures; NaN = not eligible."""

    def signal(self, state: PortfolioState) -> Array | Proposal:
        """Return exposures or scores (N,) of this decision, in the order of
        ``state.history.assets``.
        """
        ...


class Sizer(Protocol):
    """What turns signals into target weights (N,), fractions of NAV; what is missing to 1 is
    cash.
    """

    def target_weights(self, state: PortfolioState) -> Array | Proposal:
        """Return target weights (N,), fractions of NAV, for ``state.signals`` (N,)."""
        ...


class Overlay(Protocol):
    """What adjusts target weights (N,)."""

    def adjust(self, state: PortfolioState, weights: Array) -> Array | Proposal:
        """Return what becomes of the ``weights`` (N,) of the stage before, fractions of NAV."""
        ...


class Trigger(Protocol):
    """What decides whether a target (N,) is traded now."""

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Return whether the ``target`` weights (N,) should be traded now, and of which assets."""
        ...


class Analyzer(Protocol):
    """What watches decisions and gives a named table for the reports."""

    def decided(self, decision: Decision) -> None:
        """Take note of a decision, traded or not."""
        ...

    def table(self) -> tuple[str, Any]:
        """Return the table's name and the table, a pandas DataFrame."""
        ...


class Report(Protocol):
    """What writes files about a result into a folder and returns their paths."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write files into ``folder``, which exists, and return their paths."""
        ...


# -- what a built component may have beside its role -----------------------------------------------


@runtime_checkable
class NeedsFields(Protocol):
    """Any component that reads more than closes: ``needs = {"high", "low"}``.

    A run whose data lack one of the fields is refused before its first bar.
    """

    @property
    def needs(self) -> AbstractSet[str]:
        """Return the fields that are read: open, high, low or volume."""
        ...


@runtime_checkable
class ReadsTables(Protocol):
    """Any component that reads tables or series: ``reads = {"quality": "number", "sector": "text",
    "baa": "series"}``.

    A run whose ``data.tables`` lack one of the names, or have it of another kind, is refused
    before its first bar; the kit makes such tables.
    """

    @property
    def reads(self) -> Mapping[str, Literal["number", "text", "series"]]:
        """Return the kind of each table that is read, by its name."""
        ...


@runtime_checkable
class NamesAssets(Protocol):
    """Any component whose config names assets: ``names_assets = {"weights": ("SPY", "TLT")}``, by
    the key that does.

    A run without one of them is refused before its first bar.
    """

    @property
    def names_assets(self) -> Mapping[str, Iterable[str]]:
        """Return the names by the key of the config that has them."""
        ...


@runtime_checkable
class ReadsTracks(Protocol):
    """Any component that reads ``state.tracks``: ``reads_tracks = True``.

    Under ``ledger: {decisions: traded}`` tracks are there only for components that say so, and the
    rows from which they follow are kept.
    """

    @property
    def reads_tracks(self) -> bool:
        """Return True."""
        ...


@runtime_checkable
class Gives(Protocol):
    """A strategy that says what its signals are: ``gives = "score"``; without it,
    ``"exposure"``.
    """

    @property
    def gives(self) -> str:
        """Return ``exposure``, in [-1, 1], or ``score``, of any size."""
        ...


@runtime_checkable
class Accepts(Protocol):
    """A sizer that says which signals it takes: ``accepts = {"score"}``; without it, exposures."""

    @property
    def accepts(self) -> AbstractSet[str]:
        """Return what signals are taken: ``exposure``, ``score`` or both; none if the sizer brings
        strategies of its own.
        """
        ...


@runtime_checkable
class ListsSymbols(Protocol):
    """A source that can say which symbols it has, so that a universe needs no list of assets."""

    def symbols(self) -> Iterable[str]:
        """Return the names of all symbols that the source has."""
        ...


@runtime_checkable
class TellsSeries(Protocol):
    """A source that has series beside prices, for ``data.tables``: times (n,) and values (n,)."""

    def series(self, symbol: str, request: LoadRequest) -> tuple[Times, Array]:
        """Return times (n,) and values (n,) of the series that the source calls ``symbol``."""
        ...


@runtime_checkable
class TakesPrices(Protocol):
    """A source of prices that a program hands over: ``taking(given)`` returns a source of these.

    Its config has the key ``fingerprint``, where the run puts that of what was given; ``write``
    puts them into a folder and returns the ``source`` that reads them there, and the new names of
    the ``symbols``.
    """

    def taking(self, given: GivenPrices) -> Any:
        """Return a source of the prices ``given``."""
        ...

    def write(self, folder: Path) -> Mapping[str, Any]:
        """Write the prices into ``folder``; return ``source`` and ``symbols``."""
        ...


@runtime_checkable
class JoinsSymbols(Protocol):
    """A source that joins the rows of the symbols that an asset had: ``joins_symbols = True``."""

    @property
    def joins_symbols(self) -> bool:
        """Return True."""
        ...


@runtime_checkable
class NeedsNetwork(Protocol):
    """A source that asks the network: ``needs_network = True``; the kit does not load from it."""

    @property
    def needs_network(self) -> bool:
        """Return True."""
        ...


@runtime_checkable
class Fingerprinted(Protocol):
    """Any component that reads something from outside that its config names by no path.

    ``fingerprint`` is the sha256 of what it read, and part of the run's identity.
    """

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of what was read, in hexadecimal digits."""
        ...


@runtime_checkable
class Compares(Protocol):
    """A report that can lay finished runs side by side in one file."""

    def compare(self, comparison: Comparison, path: Path) -> None:
        """Write the runs side by side into the file at ``path``."""
        ...


@runtime_checkable
class Guards(Protocol):
    """An overlay that cuts weights to preserve capital: ``guards = True``.

    What scales weights up behind it would undo it.
    """

    @property
    def guards(self) -> bool:
        """Return True."""
        ...


@runtime_checkable
class OnlyInside(Protocol):
    """A component that is a part of another and nothing alone: ``only_inside = "book"`` names the
    other.
    """

    @property
    def only_inside(self) -> str:
        """Return the name of the component that it belongs into."""
        ...


@runtime_checkable
class Studies(Protocol):
    """An analyzer that asks what would have been: ``study(prepared, played)``, called once after
    the run with its ``Prepared`` and its ``Ledger``.

    It may ``play(prepared.changed({"strategy.fast": 20}))``, and returns named tables for the
    report. They lie beside those of ``table()``, in the manifest and not in the run's id.
    """

    def study(self, prepared: Any, played: Any) -> Mapping[str, pd.DataFrame]:
        """Return tables by name, of what was ``prepared`` and ``played``."""
        ...


@dataclass(frozen=True)
class Placed:
    """A built ``component`` and where it stands: its ``path``, such as ``overlays.1``, and its
    ``name``.
    """

    path: str
    name: str
    component: Any


@dataclass(frozen=True)
class Plan:
    """What a component is part of.

    Attributes:
        own: the component itself, and where it stands.
        schedule: how often the run decides, as the run file says it.
        before, after: what acts before it and after it, in that order; of a nested component,
            before and after what it is a part of.
        day: a session as most are, by the exchange's clock; None where that is not known.
    """

    own: Placed
    schedule: str
    before: tuple[Placed, ...]
    after: tuple[Placed, ...]
    day: UsualDay | None = None


@runtime_checkable
class Advises(Protocol):
    """Any component of a pipeline that knows with what it does not go together.

    ``advice(plan)`` yields a sentence for each combination that defeats itself; they are shown as
    warnings before the run.
    """

    def advice(self, plan: Plan) -> Iterable[str]:
        """Yield a sentence for each thing of the ``plan`` that does not go with this."""
        ...


ABILITIES: tuple[type, ...] = (
    NeedsFields,
    ReadsTables,
    NamesAssets,
    ReadsTracks,
    Gives,
    Accepts,
    ListsSymbols,
    TellsSeries,
    TellsRows,
    TakesPrices,
    JoinsSymbols,
    NeedsNetwork,
    Fingerprinted,
    Compares,
    Guards,
    OnlyInside,
    Learner,
    Studies,
    Advises,
)
