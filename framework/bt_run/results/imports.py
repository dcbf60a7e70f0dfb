"""What a source text imports, and which of it lies beside the file.

Imports are found by matching lines, not by parsing, since every run looks for them: a line of prose
that looks like an import can only add a module. Imports inside functions count like others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from pathlib import Path

__all__ = ["LocalCode", "imported_modules", "imports_by_name", "local_code"]

_IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*"
    r"(?:from[ \t]+(?P<origin>\.*[\w.]*)[ \t]+import[ \t]*(?P<names>\([^)]*\)|[^\n#;]*)"
    r"|import[ \t]+(?P<modules>[^\n#;]+))",
    re.MULTILINE,
)
_BY_NAME = re.compile(r"\bimport_module\(|\b__import__\(")
# ways for a lone file to run another one that no line imports
_BY_PATH = re.compile(
    r"\b(?:import_module|__import__|exec|spec_from_file_location|SourceFileLoader|runpy|zipimport)\b"
)


@dataclass(frozen=True)
class LocalCode:
    """A file that lies in no package, with what it runs from beside it.

    Attributes:
        files: name, as its path from the file's folder, -> file; the file itself is one of them.
        imports: the modules that it imports from elsewhere.
    """

    files: Mapping[str, Path]
    imports: tuple[str, ...]


def local_code(path: Path) -> LocalCode:
    """Return what a file imports, directly or by way of others, from beside it and elsewhere.

    Where a file is loaded by its name or path at run time, all Python beside it counts.
    """
    folder = path.parent
    files: dict[str, Path] = {}
    elsewhere: dict[str, None] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        name = file.relative_to(folder).as_posix()
        if name in files:
            continue
        files[name] = file
        if file.suffix != ".py":
            continue
        source = file.read_text(encoding="utf-8", errors="replace")
        if _BY_PATH.search(source):
            waiting += _all_beside(folder)
        for module in imported_modules(source, _package_of(name)):
            near = _files_beside(folder, module.split("."))
            waiting += near
            if not near:
                elsewhere[module] = None
    return LocalCode(files, tuple(elsewhere))


def imports_by_name(source: str) -> bool:
    """Tell whether a source text imports what only its run can name."""
    return _BY_NAME.search(source) is not None


def imported_modules(source: str, package: str = "") -> Iterator[str]:
    """Yield the modules that a source text may import: ``a.b`` and ``a.b.c`` for
    ``from a.b import c``.

    ``package`` is the one at which relative imports of the text start.
    """
    text = source.replace("\\\n", " ")
    for match in _IMPORT.finditer(text):
        if match["modules"] is not None:
            for part in match["modules"].split(","):
                yield from part.split()[:1]
            continue
        origin = _absolute(match["origin"], package)
        if origin:
            yield origin
        before = f"{origin}." if origin else ""
        names = re.sub(r"#[^\n]*", "", match["names"]).strip("() \t\n")
        for part in names.split(","):
            yield from (f"{before}{word}" for word in part.split()[:1])


def _absolute(origin: str, package: str) -> str:
    """Return where ``from ..origin import`` points to in a module of ``package``."""
    name = origin.lstrip(".")
    dots = len(origin) - len(name)
    if dots == 0:
        return name
    parts = [part for part in package.split(".") if part]
    parts = parts[: max(0, len(parts) - dots + 1)]
    return ".".join([*parts, *([name] if name else [])])


def _package_of(name: str) -> str:
    """Return the package of a file by its path from the folder in which imports start."""
    return ".".join(name.split("/")[:-1])


def _files_beside(folder: Path, parts: list[str]) -> list[Path]:
    """Return the files that importing a module runs below a folder, its packages' ``__init__``
    included; none where it does not lie there.
    """
    found: list[Path] = []
    for count in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:count])
        for suffix in all_suffixes():
            names = (place / f"__init__{suffix}", Path(f"{place}{suffix}"))
            found += [path for path in names if path.is_file()]
    return found


def _all_beside(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder that an import could run; not those of environments."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name.isidentifier()
            and name != "__pycache__"
            and not Path(place, name, "pyvenv.cfg").exists()
        ]
        for name in names:
            if name.endswith(tuple(all_suffixes())):
                yield Path(place, name)
