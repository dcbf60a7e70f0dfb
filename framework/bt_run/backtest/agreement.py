"""Do a strategy and a sizer fit together?"""

from __future__ import annotations

from typing import Any

from bt_run.config.binding import Bound
from bt_run.config.places import locate
from bt_run.config.run_config import EVERY_ASSET, RunConfig
from bt_run.errors import ConfigError
from bt_run.roles import Accepts, Gives, OnlyInside

__all__ = ["require_strategy", "what_is_given"]


def require_strategy(config: RunConfig, sizer: Any) -> None:
    """Refuse a run that names no strategy, unless its built ``sizer`` brings its own; and a sizer
    that is a part of another.

    Raises:
        ConfigError: it is such a run; with its place.
    """
    if isinstance(sizer, OnlyInside):
        assert config.sizer is not None
        inside = sizer.only_inside
        text = f"{config.sizer.use!r} is a part of {inside!r} and nothing alone; "
        text += f"expected `sizer: {{use: {inside}, ...}}`"
        raise ConfigError(locate(config._places, ("sizer",), text))
    if "strategy" in config.model_fields_set:
        return
    if isinstance(sizer, Accepts) and not sizer.accepts:
        return
    text = "missing key; found nothing; expected the NAME of a component"
    raise ConfigError(locate(config._places, ("strategy",), text))


def what_is_given(
    strategy: Bound,
    built_strategy: Any,
    sizer: Bound,
    built_sizer: Any,
    where: str = "",
) -> str:
    """Return what the built strategy gives, ``exposure`` or ``score``, if the built sizer takes it;
    ``where`` stands before their places.

    Raises:
        ConfigError: the sizer takes something else, or brings its own strategies.
    """
    gives = built_strategy.gives if isinstance(built_strategy, Gives) else "exposure"
    accepts = built_sizer.accepts if isinstance(built_sizer, Accepts) else {"exposure"}
    if not accepts:
        if strategy.name == EVERY_ASSET:
            return gives
        raise ConfigError(
            f"{where}strategy: sizer {sizer.name!r} brings its own strategies, and "
            f"{strategy.name!r} would not be asked; leave `strategy` out"
        )
    if gives not in accepts:
        raise ConfigError(
            f"{where}sizer: {sizer.name!r} accepts {', '.join(sorted(accepts))}, but strategy "
            f"{strategy.name!r} gives {gives}; choose a sizer that accepts {gives}"
        )
    return gives
