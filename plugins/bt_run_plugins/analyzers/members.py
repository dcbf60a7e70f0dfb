"""The analyzer `members`: each member of a `meta` alone, all in equal parts, and who was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bt_run import (
    BuildContext,
    Component,
    Config,
    ConfigError,
    Ledger,
    Prepared,
    hookimpl,
)
from bt_run.studies.measuring import measured

if TYPE_CHECKING:
    import pandas as pd

BESIDE, SWITCHES, SHARE = "members beside", "member switches", "member share"
SHOWN = ("cagr", "volatility", "sharpe", "max_drawdown", "turnover_one_way", "costs")


class MembersConfig(Config):
    """Configuration of the analyzer: it has no keys."""


@dataclass(frozen=True)
class Members:
    """Plays a run again with each member of its strategy alone, and tells which it had when."""

    config: MembersConfig

    def decided(self, decision: Any) -> None:
        """Take no note: the ledger has all decisions."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other tables are."""
        import pandas as pd

        rows = {
            BESIDE: "the run, each member alone, all in equal parts",
            SWITCHES: "when an asset got another member, and why",
            SHARE: "share of the decisions at which each asset had each member",
        }
        return "members", pd.DataFrame(
            {"table": list(rows), "what": list(rows.values())}
        )

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return the tables by name.

        Raises:
            ConfigError: the strategy has no members.
        """
        members = prepared.config.strategy.options.get("members")
        if not members:
            raise ConfigError(
                f"analyzers: members: strategy {prepared.config.strategy.use!r} has none; expected "
                "one such as meta"
            )
        return {
            BESIDE: _beside(prepared, members),
            SWITCHES: _switches(played),
            SHARE: _shares(played),
        }


def _beside(prepared: Prepared, members: list[Any]) -> pd.DataFrame:
    """Return metrics of the run, of each member in its place, and of all in equal parts."""
    import pandas as pd

    strategy = prepared.config.strategy
    own = {"use": strategy.use, **strategy.options}
    runs = {f"{strategy.use}": prepared}
    for place, member in enumerate(members):
        name = member if isinstance(member, str) else member["use"]
        key = (
            f"{name} alone" if f"{name} alone" not in runs else f"{name} {place} alone"
        )
        runs[key] = prepared.changed({"strategy": member})
    runs["equal parts"] = prepared.changed({"strategy": own | {"how": "equal"}})
    rows = {}
    for name, ready in runs.items():
        metrics, _, _, _ = measured(ready)
        rows[name] = {key: metrics[key] for key in SHOWN}
    return pd.DataFrame(rows, dtype=float).T.rename_axis("what").reset_index()


def _switches(played: Ledger) -> pd.DataFrame:
    import pandas as pd

    columns = ["time", "asset", "from", "to", "lead", "cost", "rule"]
    rows = [
        {"time": played.bars.index[decision.bar], **switch}
        for decision in played.decisions
        for switch in decision.notes.get("strategy", {}).get("switches", ())
    ]
    return pd.DataFrame(rows, columns=columns)


def _shares(played: Ledger) -> pd.DataFrame:
    import pandas as pd

    counts: dict[tuple[str, str], int] = {}
    for decision in played.decisions:
        for asset, member in (
            decision.memos.get("strategy", {}).get("member", {}).items()
        ):
            counts[asset, member] = counts.get((asset, member), 0) + 1
    total = max(len(played.decisions), 1)
    rows = [
        {"asset": asset, "member": member, "share": count / total}
        for (asset, member), count in sorted(counts.items())
    ]
    return pd.DataFrame(rows, columns=["asset", "member", "share"])


def _build(config: MembersConfig, context: BuildContext) -> Members:
    return Members(config)


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="members",
            config=MembersConfig,
            build=_build,
            summary="each member of a meta strategy alone, all in equal parts, and who was chosen",
        )
    ]
