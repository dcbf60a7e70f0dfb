"""The analyzer `book_sleeves`: the value of each sleeve of a book, and what netting saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bt_run import BuildContext, Component, Config, Ledger, Prepared, hookimpl

if TYPE_CHECKING:
    import pandas as pd

VALUES, NETTING = "sleeve values", "sleeve netting"


class BookSleevesConfig(Config):
    """Configuration of the analyzer: it has no keys."""


@dataclass(frozen=True)
class BookSleeves:
    """Reads the notes of a book at each decision."""

    config: BookSleevesConfig

    def decided(self, decision: Any) -> None:
        """Take no note: the ledger has all decisions."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other tables are."""
        import pandas as pd

        rows = {
            VALUES: "value of each sleeve as an account of its own, 1 at first, and its budget",
            NETTING: "costs of the sleeves' trades at each decision, money: alone, and netted",
        }
        return "book", pd.DataFrame({"table": list(rows), "what": list(rows.values())})

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return the tables by name; empty for a run without a book."""
        import pandas as pd

        values, netting = [], []
        for decision in played.decisions:
            notes = decision.notes.get("sizer", {})
            if "costs netted" not in notes:
                continue
            time, nav = played.bars.index[decision.bar], played.nav[decision.bar]
            alone, together = notes["costs alone"] * nav, notes["costs netted"] * nav
            netting.append(
                {
                    "time": time,
                    "alone": alone,
                    "netted": together,
                    "saved": alone - together,
                }
            )
            for name, sleeve in notes["sleeves"].items():
                values.append(
                    {
                        "time": time,
                        "sleeve": name,
                        "value": sleeve["value"],
                        "budget": sleeve["budget"],
                    }
                )
        columns = ["time", "alone", "netted", "saved"]
        return {
            VALUES: pd.DataFrame(values, columns=["time", "sleeve", "value", "budget"]),
            NETTING: pd.DataFrame(netting, columns=columns),
        }


def _build(config: BookSleevesConfig, context: BuildContext) -> BookSleeves:
    return BookSleeves(config)


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="book_sleeves",
            config=BookSleevesConfig,
            build=_build,
            summary="value and budget of each sleeve of a book, and what netting saved",
        )
    ]
