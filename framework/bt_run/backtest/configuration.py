"""How a YAML file becomes the configuration of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bt_run.config.binding import bind
from bt_run.config.paths import rebased
from bt_run.config.places import locate
from bt_run.config.run_config import RunConfig
from bt_run.config.yaml_tree import plain, positions, read_tree
from bt_run.errors import ConfigError
from bt_run.plugins import catalogue, get_plugin_manager

__all__ = ["load_config"]


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read the YAML file at ``path`` and what it extends, apply ``KEY=VALUE`` ``overrides``, and
    check all against the plugins.

    Raises:
        ConfigError: names file, line and column of everything that is wrong.
    """
    tree = read_tree(Path(path), overrides)
    places = positions(tree)
    for key in places:
        if key[-1:] == ("options",) and (*key[:-1], "use") in places:
            raise ConfigError(
                locate(
                    places,
                    key,
                    "unknown key; the keys of a component stand beside `use`",
                    key=True,
                )
            )
    raw = rebased(plain(tree), {RunConfig}, (), places)
    config = RunConfig.model_validate(raw, context=places)
    for number, file in enumerate(config.plugins):
        if not file.is_file():
            raise ConfigError(
                locate(
                    places,
                    ("plugins", number),
                    f"the plugin file {file} does not exist; expected a path that starts at the "
                    "folder of the YAML file",
                )
            )
    bind(config, catalogue(get_plugin_manager(config.plugins)))
    return config
