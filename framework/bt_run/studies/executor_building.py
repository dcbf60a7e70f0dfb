"""An executor as a configuration names it, built."""

from __future__ import annotations

from bt_run.backtest.building import build_one, missing_for
from bt_run.component import BuildContext
from bt_run.config.binding import Binding
from bt_run.config.run_config import RunConfig
from bt_run.errors import ConfigError
from bt_run.libraries import needs_text, not_installed_text
from bt_run.model import ComponentSpec
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.studies.executors import Executor

__all__ = ["build_executor"]

PLACE = ("sweep", "executor")


def build_executor(config: RunConfig, spec: ComponentSpec) -> Executor:
    """Return the executor that ``spec`` names, with the plugins of ``config``.

    Raises:
        ConfigError: there is no such executor, its keys are wrong, or a library is not installed.
    """
    offered = catalogue(get_plugin_manager(config.plugins))
    binding = Binding(offered, config._places, [])
    bound = binding.bind("executor", spec, PLACE)
    if bound is None or binding.errors:
        raise ConfigError("\n".join(binding.errors))
    where = ".".join(PLACE)
    missing = missing_for(bound, where)
    if missing:
        needs = needs_text(f"{where}: {spec.use!r}", missing)
        raise ConfigError(not_installed_text([needs], missing.values()))
    built: Executor = build_one(
        bound, where, BuildContext(costs=None, seed=config.seed)
    )
    return built
