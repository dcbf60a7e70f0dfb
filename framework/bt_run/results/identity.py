"""Who a run is: the hash of all that affects its result."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DISTRIBUTION",
    "Provenance",
    "build_manifest",
    "dependency_versions",
    "order_list_hash",
    "plain_json",
    "run_identity",
    "source_hashes",
]


DISTRIBUTION = "bt-run"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Hold what a result follows from.

    ``config`` is the resolved configuration, plain JSON; ``fingerprint`` the sha256 of the data.
    """

    config: Mapping[str, Any]
    fingerprint: str
    sources: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int


def run_identity(
    canonical: Mapping[str, Any],
    fingerprint: str,
    sources: Mapping[str, str],
    versions: Mapping[str, str],
) -> str:
    """Return the 12 hex digits that name a run: equal exactly where everything that affects it is
    equal.
    """
    parts = {"config": canonical, "data": fingerprint, "sources": sources, "versions": versions}
    text = json.dumps(
        parts, sort_keys=True, separators=(",", ":"), allow_nan=False, default=plain_json
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def source_hashes(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the sha256 of the Python source behind each module and bt_run, by package name.

    A module in a package stands for all .py files of its top-level package. One without a file (a
    notebook's) has no source to hash: its value says so.
    """
    found: dict[str, set[str]] = {}
    for name, root in dict.fromkeys(map(_source_root, (sys.modules["bt_run"], *modules))):
        found.setdefault(name, set()).add(_tree_hash(root))
    return {
        name: "+".join(sorted(found[name])) for name in sorted(found)
    }  # lone files may share a name


def dependency_versions(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the versions of bt-run, of the distributions that own the modules, and of what these
    declare.

    What is not installed as a distribution, or declared only for an extra, is left out.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    found: dict[str, str] = {}
    for owner in sorted(_owners({module.__name__.partition(".")[0] for module in modules})):
        with suppress(PackageNotFoundError):
            owned = distribution(owner)
            found[_normal(owner)] = owned.version
            for requirement in owned.requires or ():
                name = re.match(r"[\w.-]+", requirement)
                if name and "extra ==" not in requirement:
                    with suppress(PackageNotFoundError):  # its marker is for another platform
                        found[_normal(name[0])] = distribution(name[0]).version
    return dict(sorted(found.items()))


def order_list_hash(fills: pd.DataFrame) -> str:
    """Return the sha256 of who was asked for and filled when, shares to 9 significant digits.

    It is equal on every machine, where the hashes of the tables are equal on equal wheels only.
    """
    digest = hashlib.sha256()
    columns = (fills[name] for name in ("decided_at", "time", "asset", "asked", "filled"))
    for decided, time, asset, asked, filled in zip(*columns, strict=True):
        times = [
            "" if at != at else at.isoformat() for at in (decided, time)
        ]  # NaT differs from itself
        line = (*times, asset, f"{asked + 0.0:.9g}", f"{filled + 0.0:.9g}")
        digest.update(("\t".join(line) + "\n").encode())
    return digest.hexdigest()


def build_manifest(
    run_id: str, provenance: Provenance, tables: Mapping[str, pd.DataFrame], notes: Sequence[str]
) -> dict[str, Any]:
    """Return what a third person needs to repeat a run and to see that it is the same."""
    return {
        "run_id": run_id,
        "config": dict(provenance.config),
        "data": provenance.fingerprint,
        "sources": dict(provenance.sources),
        "versions": dict(provenance.versions),
        "seed": provenance.seed,
        "python": platform.python_version(),
        "orders": order_list_hash(tables["fills"]),
        "tables": {name: _content_hash(table) for name, table in tables.items()},
        "notes": list(notes),
    }


def _content_hash(table: pd.DataFrame) -> str:
    """Return the sha256 of a table's names and values, whatever pandas calls their types."""
    import pandas as pd

    digest = hashlib.sha256()
    frame = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            data = pd.DatetimeIndex(values).as_unit("ns").asi8.astype("<i8")
        elif pd.api.types.is_numeric_dtype(values):
            data = values.to_numpy(dtype="<f8") + 0.0  # no -0.0
            data[np.isnan(data)] = np.nan
        else:
            codes, words = pd.factorize(values)  # in order of appearance; missing is -1
            digest.update(json.dumps([str(word) for word in words]).encode())
            data = codes.astype("<i8")
        digest.update(json.dumps([str(name), len(data)]).encode())
        digest.update(np.ascontiguousarray(data).tobytes())
    return digest.hexdigest()


def plain_json(value: Any) -> Any:
    """Turn into JSON what numpy and dates put into a mapping."""
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{value!r} is a {type(value).__name__}; expected plain JSON values or a date")


def _source_root(module: ModuleType) -> tuple[str, Path | None]:
    """Return the name and place of the outermost regular package that holds a module, or of its own
    file.

    A lone file is named after itself: the name of its module may come from the folder that it lies
    in.
    """
    parts = module.__name__.split(".")
    for count in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:count]))
        file = getattr(package, "__file__", None)
        if file and hasattr(package, "__path__"):  # a namespace package has no file
            return ".".join(parts[:count]), Path(file).parent
    own = getattr(module, "__file__", None)
    return (Path(own).name, Path(own)) if own else (module.__name__, None)


def _tree_hash(root: Path | None) -> str:
    if root is None:
        return "no source file"
    files = [root] if root.is_file() else sorted(root.rglob("*.py"))
    names = [root.name] if root.is_file() else [file.relative_to(root).as_posix() for file in files]
    digest = hashlib.sha256()
    for name, file in sorted(zip(names, files, strict=True)):
        content = file.read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _owners(packages: set[str]) -> set[str]:
    """Return the distributions that own top-level packages, and bt-run."""
    from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

    with suppress(PackageNotFoundError):
        ours = distribution(DISTRIBUTION).read_text("top_level.txt") or ""
        packages = packages - set(ours.split())
    if not packages:
        return {DISTRIBUTION}
    owned = packages_distributions()  # slow, and only strangers need it
    return {DISTRIBUTION, *(name for package in packages for name in owned.get(package, ()))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
