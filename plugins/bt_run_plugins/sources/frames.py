"""Source ``frames``: prices that a program hands over in memory."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from bt_run import (
    Bars,
    BuildContext,
    Component,
    Config,
    ConfigError,
    DataError,
    GivenPrices,
    LoadRequest,
    bars_of_rows,
    hookimpl,
)

LONGEST = 80  # letters of a symbol in the name of its file
UNWRITTEN = (
    "the prices were handed over in memory, so that only who has them can repeat this run; "
    "`result.config.to_yaml(FOLDER)` writes them"
)


class FramesConfig(Config):
    """Configuration of prices in memory."""

    fingerprint: str | None = Field(
        None,
        description="sha256 of the prices; bt-run puts it here when they are given",
    )


class Frames:
    """A source of prices that are given to ``run`` or ``prepare``."""

    def __init__(
        self, config: FramesConfig, context: BuildContext | None = None
    ) -> None:
        self.config = config
        self.given: GivenPrices | None = None

    def taking(self, given: GivenPrices) -> Frames:
        """Return a source of these prices.

        Raises:
            ConfigError: the configuration names others.
        """
        told = self.config.fingerprint
        if told is not None and told != given.fingerprint:
            raise ConfigError(
                f"data.source.fingerprint: was {told[:12]}..., and the prices given are "
                f"{given.fingerprint[:12]}...; expected those, or no fingerprint"
            )
        own = Frames(self.config)
        own.given = given
        return own

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: no prices were given, a symbol is not among them, or a row cannot be true.
        """
        given = self._prices()
        rows = given.of(request)
        bars = bars_of_rows(request, [rows])
        return replace(bars, notes=(*bars.notes, UNWRITTEN))

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that were given."""
        return tuple(sorted(self._prices().rows))

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the prices as parquet into ``folder``, a file for each symbol; return the source
        that reads them from beside it, and the symbols' new names under ``symbols``.

        Raises:
            DataError: no prices were given.
        """
        import pandas as pd

        given = self._prices()
        folder.mkdir(parents=True, exist_ok=True)
        names: dict[str, str] = {}
        for symbol, rows in given.rows.items():
            file = re.sub(r"[^A-Za-z0-9._^=-]", "_", symbol)[:LONGEST]
            while file in names.values():
                file += "_"
            names[symbol] = file
            columns = {
                name: values
                for name, values in vars(rows).items()
                if values is not None
            }
            frame = pd.DataFrame({"date": columns.pop("times"), **columns})
            if (rows.times.astype("datetime64[D]") != rows.times).any():
                frame["date"] = frame["date"].dt.tz_localize("UTC")
            frame.to_parquet(folder / f"{file}.parquet", index=False)
        source = {"use": "parquet", "path": folder.name, "prices": given.prices}
        return {"source": source, "symbols": names}

    def _prices(self) -> GivenPrices:
        if self.given is None:
            raise DataError(
                "data.source: the prices of `frames` are handed over in memory: run(config, "
                "bars=...); a file needs a source such as {use: csv, path: prices}"
            )
        return self.given


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="frames",
            config=FramesConfig,
            build=Frames,
            summary="prices in memory, handed over by a program: run(config, bars=frame)",
        )
    ]
