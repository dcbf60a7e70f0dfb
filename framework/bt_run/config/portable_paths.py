"""Names for the paths of a configuration that say nothing of the machine on which it ran."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bt_run.config.paths import folder_of
from bt_run.config.run_config import RunConfig

__all__ = ["PortablePaths", "is_path_name", "with_places"]

ELSEWHERE = "elsewhere:"


@dataclass
class PortablePaths:
    """Names of paths: from the folder of the YAML file, or a number where the way there would name
    the user or their home.

    Attributes:
        folder: where relative names start.
        places: name -> path, of all that were named so far.
    """

    folder: Path
    places: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: RunConfig) -> PortablePaths:
        """Return names that start at the folder of a configuration's file; a repeated run's paths
        keep theirs.
        """
        folder = Path(os.path.abspath(folder_of(config._places, ())))
        return cls(folder, dict(config._path_names))

    def name(self, path: Path) -> str:
        """Return a path's name, and keep where it leads to."""
        place = os.path.abspath(self.folder / path)
        known = [name for name, taken in self.places.items() if taken == place]
        name = known[0] if known else self._new_name(place)
        self.places[name] = place
        return name

    def told(self, text: str) -> str:
        """Return a sentence that calls paths by their names, and the home folder ``~``."""
        longest_first = sorted(self.places.items(), key=lambda item: -len(item[1]))
        for name, place in longest_first:
            text = text.replace(place, name)
        text = text.replace(f"{self.folder}{os.sep}", "./")
        home = str(Path.home())
        return text.replace(home, "~") if len(home) > 1 else text

    def _new_name(self, place: str) -> str:
        if _leads_past_home(str(self.folder), place):
            number = sum(name.startswith(ELSEWHERE) for name in self.places) + 1
            last = "" if _is_above(place, str(Path.home())) else Path(place).name
            return f"{ELSEWHERE}{number}/{last}"
        way = Path(os.path.relpath(place, self.folder)).as_posix()
        return way if way.startswith("..") else f"./{'' if way == '.' else way}"


def is_path_name(value: Any) -> bool:
    """Tell whether a value of a manifest's configuration is the name of a path."""
    if not isinstance(value, str):
        return False
    return value.startswith(("./", "../", ELSEWHERE)) or Path(value).is_absolute()


def with_places(value: Any, places: Mapping[str, str]) -> Any:
    """Return a configuration in which names of paths stand for where these lie now."""
    if isinstance(value, Mapping):
        return {key: with_places(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [with_places(item, places) for item in value]
    return places.get(value, value) if isinstance(value, str) else value


def _leads_past_home(folder: str, place: str) -> bool:
    """Tell whether the way from a folder to a place leads through what lies above the home."""
    try:
        common = os.path.commonpath([folder, place])
    except ValueError:
        return True  # two drives
    home = str(Path.home())
    return common not in (folder, home) and _is_above(common, home)


def _is_above(place: str, home: str) -> bool:
    return Path(home).is_relative_to(place)
