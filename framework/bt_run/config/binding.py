"""The components that a configuration names, looked up, with their own keys validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from bt_run.catalogue import Catalogue, Offer
from bt_run.config.complaints import complaints_of
from bt_run.config.fields import leaf_types, nested_roles
from bt_run.config.paths import rebased
from bt_run.config.places import KeyPath, Positions, locate
from bt_run.config.run_config import RunConfig
from bt_run.errors import ConfigError, PluginError
from bt_run.guard import guarded
from bt_run.model import ComponentSpec, Config

__all__ = ["Binding", "Bound", "BoundConfig", "bind", "with_resolved_names"]

# where components stand in the YAML file that are called otherwise here
PLACES: Mapping[str, str] = MappingProxyType(
    {"source": "data.source", "tables": "data.tables"}
)


@dataclass(frozen=True)
class Bound:
    """A component that the configuration names, with its validated options and nested
    components.
    """

    role: str
    name: str
    options: Config
    offer: Offer
    children: Mapping[str, Bound | tuple[Bound, ...]]


@dataclass(frozen=True)
class BoundConfig:
    """Every component that a configuration names."""

    source: Bound | tuple[Bound, ...]
    strategy: Bound
    sizer: Bound | None
    overlays: tuple[Bound, ...]
    triggers: tuple[Bound, ...]
    exits: tuple[Bound, ...]
    broker: Bound
    analyzers: tuple[Bound, ...]
    reports: tuple[Bound, ...]
    tables: Mapping[str, Bound]

    def __iter__(self) -> Iterator[Bound]:
        """Yield every component, nested ones after the one that holds them."""
        for _, bound in self.placed():
            yield bound

    def placed(self) -> Iterator[tuple[str, Bound]]:
        """Yield every component with its place, such as ``overlays.0.defensive``."""
        for item in fields(self):
            yield from _placed(
                getattr(self, item.name), PLACES.get(item.name, item.name)
            )


def bind(config: RunConfig, catalogue: Catalogue) -> BoundConfig:
    """Look up every component that ``config`` names and validate its options.

    Raises:
        ConfigError: names everything that is wrong, and where it stands.
    """
    binding = Binding(catalogue, config._places, [])
    found: dict[str, Any] = {"sizer": None}
    found |= binding.children(config.data, ("data",))
    found |= binding.children(config, ())
    if config.sweep is not None:
        # no part of a run: only looked up, so that what is wrong is said before the first cell
        binding.children(config.sweep, ("sweep",))
    tables: dict[str, Any] = {}
    for name, table in config.data.tables.items():
        own = binding.children(table, ("data", "tables", name))
        if "source" in own:
            tables[name] = own["source"]
    if binding.errors:
        raise ConfigError("\n".join(binding.errors))
    return BoundConfig(**found, tables=tables)


def with_resolved_names(bound: BoundConfig) -> BoundConfig:
    """Return the components with what their options' names stand for (``Component.resolve``).

    Raises:
        PluginError: a component failed, or gave something else than its configuration.
    """
    found: dict[str, Any] = {}
    for item in fields(bound):
        path = PLACES.get(item.name, item.name)
        found[item.name] = _resolved(getattr(bound, item.name), path)
    return BoundConfig(**found)


def _resolved(bound: Any, path: str) -> Any:
    if bound is None:
        return None
    if isinstance(bound, tuple):
        return tuple(_resolved(one, f"{path}.{i}") for i, one in enumerate(bound))
    if isinstance(bound, Mapping):
        return {
            name: _resolved(one, f"{path}.{name}.source") for name, one in bound.items()
        }
    children = {
        name: _resolved(child, f"{path}.{name}")
        for name, child in bound.children.items()
    }
    component = bound.offer.component
    if component.resolve is None:
        return replace(bound, children=children)
    where = f"{path}: resolve of {bound.role} {bound.name!r} ({bound.offer.origin})"
    options = guarded(where, component.resolve, bound.options, path)
    if not isinstance(options, component.config):
        raise PluginError(
            f"{where} returned a {type(options).__name__}; expected {component.config.__name__}"
        )
    return replace(bound, options=options, children=children)


@dataclass(frozen=True)
class Binding:
    """What binds components and notes what is wrong with them, so that all of it is reported."""

    catalogue: Catalogue
    places: Positions
    errors: list[str]

    def children(
        self, model: Config, path: KeyPath
    ) -> dict[str, Bound | tuple[Bound, ...]]:
        """Bind the components that the fields of ``model`` name."""
        found: dict[str, Bound | tuple[Bound, ...]] = {}
        for name, role in nested_roles(type(model)).items():
            value = getattr(model, name)
            if value is None:
                continue
            here = (*path, name)
            if not isinstance(value, ComponentSpec):
                found[name] = self._each(role, value, here)
                continue
            one = self.bind(role, value, here)
            if one is not None:
                found[name] = one
        return found

    def _each(
        self, role: str, specs: Sequence[ComponentSpec], path: KeyPath
    ) -> tuple[Bound, ...]:
        bound = [
            self.bind(role, spec, (*path, place)) for place, spec in enumerate(specs)
        ]
        return tuple(item for item in bound if item is not None)

    def bind(self, role: str, spec: ComponentSpec, path: KeyPath) -> Bound | None:
        """Bind one component; note what is wrong and return None when it cannot be."""
        try:
            offer = self.catalogue.find(role, spec.use)
        except ConfigError as error:
            at = (*path, "use") if (*path, "use") in self.places else path
            self.errors.append(locate(self.places, at, str(error)))
            return None
        model = offer.component.config
        _refuse_deep_nesting(offer)
        raw = rebased(spec.options, {model}, path, self.places)
        try:
            options = model.model_validate(raw)
        except ValidationError as error:
            self.errors.extend(
                complaints_of(error.errors(), raw, model, path, self.places)
            )
            return None
        return Bound(role, spec.use, options, offer, self.children(options, path))


def _refuse_deep_nesting(offer: Offer) -> None:
    path = _nested_inside(offer.component.config)
    if path is not None:
        raise PluginError(
            f"{offer.origin}: {offer.component.name}.{path} is Nested inside another field; "
            "a nested component must be a field of the component's own config"
        )


@lru_cache(maxsize=512)
def _nested_inside(config: type[Config]) -> str | None:
    """Return the path of the first nested component in a model inside a config's fields."""
    for name, field in config.model_fields.items():
        for leaf in leaf_types(field.annotation):
            if issubclass(leaf, BaseModel):
                for part in nested_roles(leaf):
                    return f"{name}.{part}"
    return None


def _placed(
    value: Bound | tuple[Bound, ...] | Mapping[str, Bound] | None, path: str
) -> Iterator[tuple[str, Bound]]:
    if value is None:
        return
    if isinstance(value, Bound):
        yield path, value
        for name, child in value.children.items():
            yield from _placed(child, f"{path}.{name}")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _placed(item, f"{path}.{name}.source")
    else:
        for number, item in enumerate(value):
            yield from _placed(item, f"{path}.{number}")
