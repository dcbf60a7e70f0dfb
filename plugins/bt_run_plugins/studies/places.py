"""Where a sweep is played: what options of the command say over what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bt_run import BtRunError, ComponentSpec, RunConfig
from bt_run.studies.cells import Outcome
from bt_run.studies.executor_building import build_executor
from bt_run.studies.executors import Executor

__all__ = ["USUAL", "built_executor", "refuse_missing"]

USUAL = "local"


def built_executor(config: RunConfig, options: Mapping[str, Any]) -> Executor:
    """Return the executor of a sweep's ``config``; ``options`` that are not None replace its keys,
    and ``use`` its name.

    Raises:
        ConfigError: there is no such executor, a key is not its own, or a library is missing.
    """
    given = {key: value for key, value in options.items() if value is not None}
    wanted = given.pop("use", None)
    named = None if config.sweep is None else config.sweep.executor
    if named is None:
        named = ComponentSpec(use=USUAL)
    if wanted is not None and wanted != named.use:
        named = ComponentSpec(use=wanted)
    spec = ComponentSpec(use=named.use, options={**named.options, **given})
    return build_executor(config, spec)


def refuse_missing(outcome: Outcome) -> None:
    """Refuse to go on with the ``outcome`` of a cell that has no result.

    Raises:
        BtRunError: it has none; with what it says.
    """
    if outcome.result is None:
        raise BtRunError(f"the first cell {outcome.status}: {outcome.text}")
