"""Several sources of one run: each has some of its assets, with its own convention of prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from bt_run.data.assembly import assemble_bars
from bt_run.data.bars import Bars, LoadRequest
from bt_run.data.rows import PriceConvention, Rows
from bt_run.errors import ConfigError
from bt_run.text import did_you_mean, listed

__all__ = ["SeveralSources", "SourceRows", "TellsRows", "bars_of_rows"]


@dataclass(frozen=True)
class SourceRows:
    """What a source has of a request, by the names of the run.

    Attributes:
        rows: those of each asset, and of the benchmark.
        prices: what they are; None where they have no actions.
        last_session: declared delistings, by asset.
        notes: what a reader must know of them.
    """

    rows: Mapping[str, Rows]
    prices: PriceConvention | None = None
    last_session: Mapping[str, np.datetime64] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@runtime_checkable
class TellsRows(Protocol):
    """A source that may stand beside others in a run: ``rows(request)`` gives its rows as they are,
    and ``assets``, which its config must have, says which of the run's it has.
    """

    @property
    def assets(self) -> tuple[str, ...]:
        """Return the names of the run's assets that the source has."""
        ...

    def rows(self, request: LoadRequest) -> SourceRows:
        """Return the rows of a request, as they stand."""
        ...


def bars_of_rows(request: LoadRequest, parts: Sequence[SourceRows]) -> Bars:
    """Check, adjust and align the ``parts`` of a request: what one source has of it, or several.

    Raises:
        DataError: a row cannot be true, or the prices do not allow ``request.adjust``.
    """
    rows = {name: found for part in parts for name, found in part.rows.items()}
    benchmark = request.benchmark[0]
    return assemble_bars(
        request,
        {name: rows[name] for name in request.assets},
        rows[benchmark],
        prices={name: part.prices for part in parts for name in part.rows},
        last_session={
            name: day for part in parts for name, day in part.last_session.items()
        },
        notes=tuple(note for part in parts for note in part.notes),
    )


class SeveralSources:
    """Sources that stand under ``data.source`` as a list; each loads the assets that it names."""

    joins_symbols = True

    def __init__(self, sources: Sequence[TellsRows]) -> None:
        self.sources = tuple(sources)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of all assets.

        Raises:
            ConfigError: an asset is in no source, or in two.
            DataError: a source lacks what it should have, or a row cannot be true.
        """
        wanted = dict(request.assets)
        wanted.setdefault(*request.benchmark)
        self._check(wanted)
        parts = []
        for source in self.sources:
            own = {name: wanted[name] for name in source.assets}
            first = next(iter(own.items()))
            benchmark = request.benchmark if request.benchmark[0] in own else first
            earlier = {
                name: request.earlier[name] for name in own if name in request.earlier
            }
            part = replace(request, assets=own, benchmark=benchmark, earlier=earlier)
            parts.append(source.rows(part))
        return bars_of_rows(request, parts)

    def _check(self, wanted: Mapping[str, str]) -> None:
        """Refuse assets that nobody has, or two."""
        owner: dict[str, int] = {}
        for place, source in enumerate(self.sources):
            where = f"data.source.{place}.assets"
            if not source.assets:
                raise ConfigError(
                    f"{where}: missing; of several sources each says which assets of the run it "
                    f"has: {listed(sorted(wanted), most=8)}"
                )
            for name in source.assets:
                if name not in wanted:
                    raise ConfigError(
                        f"{where}: no asset {name!r} in this run, nor is it the benchmark; found "
                        f"{listed(sorted(wanted), most=8)}{did_you_mean(name, wanted)}"
                    )
                if name in owner:
                    raise ConfigError(
                        f"{where}: {name} stands in data.source.{owner[name]}.assets too; expected "
                        "it in one"
                    )
                owner[name] = place
        lacking = sorted(wanted.keys() - owner.keys())
        if lacking:
            raise ConfigError(
                f"data.source: no source says that it has {listed(lacking, most=8)}; expected each "
                "asset, and the benchmark, in the `assets` of one"
            )
