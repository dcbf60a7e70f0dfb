"""Find the installed plugins and the components that they offer."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from bt_run import hookspecs
from bt_run.catalogue import Catalogue, Offer
from bt_run.component import ROLES, Component
from bt_run.errors import PluginError
from bt_run.model import Config
from bt_run.results.imports import local_code
from bt_run.results.sources import local_file_hash
from bt_run.text import did_you_mean

__all__ = ["BUILT_IN", "built_in_modules", "catalogue", "get_plugin_manager"]

# each names the modules that it offers in MODULES
BUILT_IN = ("bt_run_plugins.built_in", "bt_run_strategies.built_in")
# what the core offers itself
OWN = ("bt_run.backtest.every_asset",)
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("bt_"))
# a component's YAML is {use: NAME, ...its fields}, so no field may be called like this
RESERVED_FIELDS = frozenset({"use", "options"})


def built_in_modules() -> tuple[str, ...]:
    """Return the names of the modules that ship with bt-run."""
    listed = (name for listing in BUILT_IN for name in import_module(listing).MODULES)
    return (*OWN, *listed)


def get_plugin_manager(
    files: Sequence[Path] = (),
    *,
    modules: Sequence[str] | None = None,
    installed: bool = True,
) -> pluggy.PluginManager:
    """Return a fresh plugin manager: ``modules``, then entry points of the group ``bt_run``, then
    local ``files``.

    ``modules`` are the built-in ones unless others are named.
    """
    pm = pluggy.PluginManager("bt_run")
    pm.add_hookspecs(hookspecs)
    for name in built_in_modules() if modules is None else modules:
        _register(pm, import_module(name), name)
    for entry in entry_points(group="bt_run") if installed else ():
        _register_entry_point(pm, entry)
    for path in dict.fromkeys(Path(file).resolve() for file in files):
        _register(
            pm, _import_file(path), str(path) if pm.has_plugin(path.name) else path.name
        )
    _check_hooks(pm)
    return pm


def catalogue(pm: pluggy.PluginManager) -> Catalogue:
    """Collect what all plugins offer; a name may be offered once per role."""
    offers: dict[str, dict[str, Offer]] = {role: {} for role in ROLES}
    for role in ROLES.values():
        for impl in getattr(pm.hook, role.hook).get_hookimpls():
            origin = impl.plugin_name
            for component in _offered(impl.function, role.hook, origin):
                known = offers[role.name].get(component.name)
                if known is not None:
                    raise PluginError(
                        f"the {role.name} {component.name!r} is offered by both {known.origin} and "
                        f"{origin}; a name may be offered once per role, so rename one"
                    )
                offer = Offer(component, role.name, origin, impl.plugin)
                offers[role.name][component.name] = offer
    return Catalogue(offers)


def _offered(function: Any, hook: str, origin: str) -> list[Component]:
    try:
        # a hook written as a generator fails only here, outside pluggy's own call
        items = list(function())
    except Exception as error:
        raise PluginError(
            f"{origin}: {hook} failed with {type(error).__name__}: {error}"
        ) from error
    for item in items:
        if not isinstance(item, Component):
            raise PluginError(
                f"{origin}: {hook} must offer Component records; found {item!r}"
            )
        if not (isinstance(item.config, type) and issubclass(item.config, Config)):
            raise PluginError(
                f"{origin}: the config of {item.name!r} must be a subclass of bt_run.Config; "
                f"found {item.config!r}"
            )
        taken = RESERVED_FIELDS & item.config.model_fields.keys()
        if taken:
            raise PluginError(
                f"{origin}: the config of {item.name!r} has a field called {min(taken)!r}, "
                "a word that the YAML itself uses; rename the field"
            )
    return items


def _register(pm: pluggy.PluginManager, plugin: object, origin: str) -> None:
    if pm.is_registered(plugin):
        return
    try:
        pm.register(plugin, origin)
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{origin}: {' '.join(str(error).split())}") from error


def _register_entry_point(pm: pluggy.PluginManager, entry: EntryPoint) -> None:
    dist = (
        f"{entry.dist.name} {entry.dist.version}"
        if entry.dist
        else "an unknown distribution"
    )
    origin = f"{dist} ({entry.value})"
    try:
        plugin = entry.load()
    except Exception as error:
        raise PluginError(
            f"the plugin {entry.value} of {dist} cannot be imported: {type(error).__name__}: "
            f"{error}; "
            f"repair or uninstall {dist}"
        ) from error
    if not isinstance(plugin, ModuleType):
        raise PluginError(
            f"{origin}: the entry point must name a module; found {type(plugin).__name__}"
        )
    _register(pm, plugin, origin)


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise PluginError(
            f"the plugin file {path} does not exist; paths in a YAML file start at its folder"
        )
    before, loaded = local_file_hash(path), frozenset(sys.modules)
    # the module is named after its full path, so that two files of one name can live side by side
    name = (
        f"bt_run_local_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    )
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(
            f"the plugin file {path} is not a Python module; its name must end in .py"
        )
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up there
    try:
        with _neighbours(path, name):
            spec.loader.exec_module(module)
            _refuse_unseen(path, sys.modules.keys() - loaded)
    except PluginError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        line = _line_in(path, error)
        raise PluginError(
            f"{path}:{line}: the plugin cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if local_file_hash(path) != before:
        # what ran is not what would be hashed
        raise PluginError(
            f"{path}: the plugin or what it imports from beside it was another file after it was "
            "imported than before; expected code that does not change itself"
        )
    return module


def _refuse_unseen(path: Path, imported: Iterable[str]) -> None:
    """Refuse neighbours that were imported though no line of the plugin's imports them, so that
    they would run and not be hashed: by a library, say, of whose modules one has the same name.
    """
    known = set(local_code(path).files.values())
    for name in sorted(imported):
        file = Path(getattr(sys.modules[name], "__file__", None) or "")
        place = path.parent.joinpath(*name.split("."))
        beside = (file.parent / file.name.partition(".")[0], file.parent)
        if place in beside and file not in known:
            raise PluginError(
                f"{path}: {file.relative_to(path.parent)} beside it was imported as {name!r}, "
                "which no import line of the plugin names; name it in one, or move it away"
            )


@contextmanager
def _neighbours(path: Path, name: str) -> Iterator[None]:
    """Let a plugin import the modules that lie beside it, as a script may.

    Afterwards they are filed under the plugin's ``name``: a module of the same name beside another
    plugin is another module.
    """
    folder = path.parent
    beside = _importable(folder) - {path.stem, *sys.stdlib_module_names}
    hidden = {known: sys.modules.pop(known) for known in _of(beside)}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for known in _of(beside):
            sys.modules[f"{name}.{known}"] = sys.modules.pop(known)
        sys.modules.update(hidden)


def _importable(folder: Path) -> set[str]:
    """Return the modules and packages that lie in a folder."""
    found = {file.stem for file in folder.glob("*.py")}
    for file in folder.glob("*/*.py"):
        name = file.parent.name
        # a folder without __init__ gives way to a package of its name that lies elsewhere
        if file.name == "__init__.py" or not _is_package(name):
            found.add(name)
    return found


def _is_package(name: str) -> bool:
    """Tell whether an installed package, with an ``__init__``, has a name."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None) is not None
    found = find_spec(name) if name.isidentifier() else None
    return found is not None and found.origin is not None


def _of(packages: set[str]) -> list[str]:
    """Return the imported modules that are one of some packages or lie in one."""
    return [known for known in sys.modules if known.partition(".")[0] in packages]


def _line_in(path: Path, error: Exception) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return max((f.lineno or 1 for f in frames if f.filename == str(path)), default=1)


def _check_hooks(pm: pluggy.PluginManager) -> None:
    for plugin in pm.get_plugins():
        origin = pm.get_name(plugin)
        for caller in pm.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                hint = (
                    did_you_mean(caller.name, HOOKS)
                    or f"; known hooks: {', '.join(HOOKS)}"
                )
                raise PluginError(f"{origin}: unknown hook {caller.name!r}{hint}")
        for name in HOOKS:
            function = getattr(plugin, name, None)
            if callable(function) and not hasattr(function, "bt_run_impl"):
                raise PluginError(
                    f"{origin}: {name} lacks the decorator @hookimpl, so it would never be called"
                )
    pm.check_pending()
