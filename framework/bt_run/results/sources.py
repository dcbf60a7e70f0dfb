"""Which code a run used: the modules that are reached by imports, and the versions of libraries.

The core and packages count by the modules that are reached in them, lone files with what lies
beside them.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import (
    PackageNotFoundError,
    distributions,
    packages_distributions,
    version,
)
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from bt_run.results.imports import imported_modules, imports_by_name, local_code

__all__ = [
    "UsedCode",
    "file_tree_hash",
    "local_file_hash",
    "used_code",
]

CORE = "bt_run"
START = "bt_run.backtest.running"
# what is reached and yet can change no number: what only tells, writes or checks
NO_PART_OF_A_RESULT = (
    "bt_run.backtest.fit_processes",
    "bt_run.backtest.reporting",
    "bt_run.causality",
    "bt_run.checks",
    "bt_run.cli",
    "bt_run.results.bundle",
    "bt_run.results.comparison",
    "bt_run.results.config_changes",
    "bt_run.results.description",
    "bt_run.results.explanation",
    "bt_run.results.trial_facts",
    "bt_run.studies",
    "bt_run.testing",
)
NO_PART_PREFIXES = tuple(f"{name}." for name in NO_PART_OF_A_RESULT)
# libraries that are behind every number, imported or not
ALWAYS = ("backtrader", "numpy", "pandas")
NO_SOURCE = "no source file"


@dataclass(frozen=True)
class UsedCode:
    """The code behind a result.

    Attributes:
        sources: a hash by package or lone file.
        versions: a version by distribution.
        plugins: the hashes of the local plugin files in the order in which they are imported: where
            two change the same thing, the later one has its way.
    """

    sources: Mapping[str, str]
    versions: Mapping[str, str]
    plugins: tuple[str, ...] = ()


def used_code(
    modules: Iterable[ModuleType], local_files: Iterable[Path] = ()
) -> UsedCode:
    """Return what the core, the components' ``modules`` and local plugin files reach by imports.

    A package is hashed by the modules that are reached in it, its ``__init__`` on the way included.
    It is hashed whole where it imports by name at run time, and where a component lies in its
    ``__init__``. A lone file counts with what it imports from beside it. A module without a file (a
    notebook's) has no source: its value says so.
    """
    search = _Search()
    search.follow(START)
    hashes: dict[str, set[str]] = {}
    plugins = list(dict.fromkeys(path.resolve() for path in local_files))
    lone_files = list(plugins)
    for module in modules:
        file = getattr(module, "__file__", None)
        if file is None:
            hashes[module.__name__] = {NO_SOURCE}
        elif _is_lone(module, Path(file)) or Path(file).resolve() in plugins:
            lone_files.append(Path(file).resolve())
        else:
            search.tops.add(module.__name__.partition(".")[0])
            search.follow(module.__name__)
    alone = {path: search.lone_file_hash(path) for path in lone_files}
    for package in sorted({name.partition(".")[0] for name in search.found}):
        hashes[package] = {search.package_hash(package)}
    for path, found in alone.items():
        # lone files may share a name
        hashes.setdefault(path.name, set()).add(found)
    sources = {name: "+".join(sorted(hashes[name])) for name in sorted(hashes)}
    versions = _versions(search.libraries)
    return UsedCode(sources, versions, tuple(alone[path] for path in plugins))


def file_tree_hash(root: Path) -> str:
    """Return the sha256 of a file's content, or of a folder's files by their names and contents."""
    if root.is_file():
        return hashlib.sha256(root.read_bytes()).hexdigest()
    files = [path for path in root.rglob("*") if path.is_file()]
    return _digest({file.relative_to(root).as_posix(): file for file in files})


def local_file_hash(path: Path) -> str:
    """Return the sha256 of a local plugin file, with what it imports from beside it."""
    return _digest(local_code(path.resolve()).files)


def find_root(name: str) -> Path | None:
    """Return the folder of a module's top-level package, or the file of a top-level module."""
    loaded = sys.modules.get(name.partition(".")[0])
    spec = loaded.__spec__ if loaded is not None else _spec_of(name.partition(".")[0])
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    return path.parent if path.name == "__init__.py" else path


@dataclass
class _Search:
    """The modules found so far, (name -> file), and the libraries that they import."""

    tops: set[str] = field(default_factory=lambda: {CORE})
    found: dict[str, Path] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    folders: dict[str, frozenset[str]] = field(default_factory=dict)

    def follow(self, name: str) -> None:
        """Find a module and all that it reaches."""
        waiting = [name]
        while waiting:
            module = waiting.pop()
            if module in self.found or _is_no_part(module):
                continue
            path = self._file_of(module)
            if path is None:
                continue
            self.found[module] = path
            waiting += _parents(module)
            waiting += self._imports(path, module)
        if self.found.get(name, Path()).name == "__init__.py":
            self.whole.add(name.partition(".")[0])

    def package_hash(self, package: str) -> str:
        """Return the sha256 of what was reached in a top-level package."""
        root = find_root(package)
        assert root is not None
        if package in self.whole and package != CORE:
            return _python_hash(root)
        reached = {
            name: path
            for name, path in self.found.items()
            if name.partition(".")[0] == package
        }
        return _digest(reached)

    def lone_file_hash(self, path: Path) -> str:
        """Return the sha256 of a file that lies in no package, with what it imports from
        beside it.
        """
        code = local_code(path)
        for module in code.imports:
            self.follow(module)
            self._note(module)
        return _digest(code.files)

    def _imports(self, path: Path, module: str) -> list[str]:
        source = path.read_text(encoding="utf-8", errors="replace")
        if imports_by_name(source):
            self.whole.add(module.partition(".")[0])
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        names = list(imported_modules(source, package))
        for name in names:
            self._note(name)
        return names

    def _note(self, module: str) -> None:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names and not self._is_ours(top):
            self.libraries.add(module)

    def _file_of(self, module: str) -> Path | None:
        top, *rest = module.split(".")
        if not self._is_ours(top):
            return None
        root = find_root(top)
        if root is None or root.is_file():
            return root if not rest else None
        return self._python_file(root, rest) if rest else root / "__init__.py"

    def _python_file(self, folder: Path, parts: list[str]) -> Path | None:
        """Return the file of the module ``parts`` below a folder, if there is one."""
        place = os.path.join(folder, *parts[:-1])
        name = parts[-1]
        below = os.path.join(place, name)
        if name in self._names(place) and "__init__.py" in self._names(below):
            return Path(below, "__init__.py")
        file = f"{name}.py"
        return Path(place, file) if file in self._names(place) else None

    def _names(self, folder: str) -> frozenset[str]:
        """Return what lies in a folder; each is listed once, and most imports are of names in a
        module, of which there is no file to be asked for.
        """
        if folder not in self.folders:
            there = os.listdir(folder) if os.path.isdir(folder) else ()
            self.folders[folder] = frozenset(there)
        return self.folders[folder]

    def _is_ours(self, top: str) -> bool:
        """Tell whether a package counts by its source: not installed, or home of a component."""
        return top in self.tops or _is_local(top)


@cache
def _is_local(top: str) -> bool:
    """Tell whether a top-level module is neither Python's own nor installed as a distribution."""
    if top in sys.stdlib_module_names:
        return False
    root = find_root(top)
    if root is None:
        return False
    installed = {
        Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")
    }
    return not installed & set(root.parents)


def _is_lone(module: ModuleType, file: Path) -> bool:
    return "." not in module.__name__ and file.name != "__init__.py"


def _spec_of(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


def _is_no_part(module: str) -> bool:
    return f"{module}.".startswith(NO_PART_PREFIXES)


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _python_hash(root: Path) -> str:
    if root.is_file():
        return _digest({root.name: root})
    return _digest(
        {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    )


def _digest(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


# -- libraries -------------------------------------------------------------------------------------


def _versions(modules: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions behind imported modules, by their name."""
    found: dict[str, str] = {}
    for module in sorted({*modules, *ALWAYS}):
        for name, number in _distributions(module):
            found[_normal(name)] = number
    return dict(sorted(found.items()))


def _distributions(module: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of what a module belongs to; nothing when it is not installed."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        number = _version(name)
        if number is not None:
            yield name, number
            return
    if _spec_of(parts[0]) is None:
        return
    yield from _owners(parts[0])


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):
        return None


@cache
def _owners(top: str) -> tuple[tuple[str, str], ...]:
    """Return name and version of the distributions that bring a module of another name."""
    found = [
        (item.name, item.version)
        for item in distributions()
        if top in (item.read_text("top_level.txt") or "").split()
    ]
    if not found:
        # slow: it reads the list of files of every distribution
        found = [
            (name, version(name)) for name in packages_distributions().get(top, ())
        ]
    return tuple(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
