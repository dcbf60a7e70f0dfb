"""The configuration of a run: its fields, how a YAML file becomes one, and its binding to
components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import (
    BaseModel,
    ValidationError,
)

from bt_run.catalogue import Catalogue, Offer
from bt_run.config.complaints import complaints_of
from bt_run.config.fields import leaf_types, nested_role
from bt_run.config.paths import rebased
from bt_run.config.places import KeyPath, Positions, locate
from bt_run.config.run_config import RunConfig
from bt_run.data.data_config import DataConfig
from bt_run.errors import ConfigError, PluginError
from bt_run.model import ComponentSpec, Config

__all__ = ["Binding", "Bound", "BoundConfig", "DataConfig", "bind"]


@dataclass(frozen=True)
class Bound:
    """Hold a component that the configuration names, with its validated options and nested
    components.
    """

    role: str
    name: str
    options: Config
    offer: Offer
    children: Mapping[str, Bound | tuple[Bound, ...]]


@dataclass(frozen=True)
class BoundConfig:
    """Hold every component that a configuration names."""

    source: Bound
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
        for item in fields(self):
            yield from _flat(getattr(self, item.name))


def bind(config: RunConfig, catalogue: Catalogue) -> BoundConfig:
    """Look up every component that ``config`` names and validate its options."""
    binding = Binding(catalogue, config._places, [])
    found: dict[str, Any] = binding.children(config.data, ("data",)) | binding.children(config, ())
    for name, table in config.data.tables.items():
        own = binding.children(table, ("data", "tables", name)).get("source")
        found["tables"] = found.get("tables", {}) | ({name: own} if own else {})
    if binding.errors:
        raise ConfigError("\n".join(binding.errors))
    return BoundConfig(**({"sizer": None, "tables": {}} | found))


@dataclass(frozen=True)
class Binding:
    """Bind components and note what is wrong with them, so that all of it is told at once."""

    catalogue: Catalogue
    places: Positions
    errors: list[str]

    def children(self, model: Config, path: KeyPath) -> dict[str, Bound | tuple[Bound, ...]]:
        """Bind the components that the fields of ``model`` name."""
        found: dict[str, Bound | tuple[Bound, ...]] = {}
        for name, field in type(model).model_fields.items():
            role = nested_role(field)
            value = getattr(model, name)
            if role is None or value is None:
                continue
            if isinstance(value, ComponentSpec):
                one = self.bind(role, value, (*path, name))
                found |= {name: one} if one else {}
            else:
                many = [self.bind(role, spec, (*path, name, i)) for i, spec in enumerate(value)]
                found[name] = tuple(item for item in many if item)
        return found

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
            self.errors.extend(complaints_of(error.errors(), raw, model, path, self.places))
            return None
        return Bound(role, spec.use, options, offer, self.children(options, path))


def _refuse_deep_nesting(offer: Offer) -> None:
    for name, field in offer.component.config.model_fields.items():
        models = [leaf for leaf in leaf_types(field.annotation) if issubclass(leaf, BaseModel)]
        for part, inner in (
            (part, inner) for m in models for part, inner in m.model_fields.items()
        ):
            if nested_role(inner):
                raise PluginError(
                    f"{offer.origin}: {offer.component.name}.{name}.{part} is Nested inside "
                    "another field; "
                    "a nested component must be a field of the component's own config"
                )


def _flat(value: Any) -> Iterator[Bound]:
    if isinstance(value, Bound):
        yield value
        for child in value.children.values():
            yield from _flat(child)
    elif value is not None:
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _flat(item)
