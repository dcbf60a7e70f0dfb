"""The configuration of a run: its fields, how a YAML file becomes one, and its binding to components."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import to_jsonable_python

from bt_run.components import ComponentSpec, Config, Limits, NestedRole
from bt_run.data_config import DataConfig
from bt_run.describe import complaints, leaf_types, locate, nested_role
from bt_run.errors import ConfigError, PluginError
from bt_run.plugins import Catalogue, Offer, catalogue, get_plugin_manager
from bt_run.schedule import Schedule
from bt_run.yaml_file import KeyPath, Positions, plain, positions, read_tree

__all__ = [
    "Binding",
    "Bound",
    "BoundConfig",
    "DataConfig",
    "RunConfig",
    "bind",
    "canonical",
    "load_config",
    "resolved",
]

SAFE_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?$"


class RunConfig(Config):
    """Say everything that affects a run."""

    name: str = Field(description="names the folder of the results", json_schema_extra={"pattern": SAFE_NAME})
    seed: int = Field(default=0, description="of everything random; a run repeats itself exactly")
    plugins: tuple[Path, ...] = Field(default=(), description="local Python files with further components")
    data: DataConfig = Field(description="the prices to play on")
    strategy: Annotated[ComponentSpec, NestedRole("strategy")] = Field(description="gives the signals")
    sizer: Annotated[ComponentSpec, NestedRole("sizer")] | None = Field(
        default=None, description="turns signals into target weights"
    )
    overlays: tuple[Annotated[ComponentSpec, NestedRole("overlay")], ...] = Field(
        default=(), description="adjust the target weights, in this order"
    )
    schedule: Schedule = Field(default="bar", description="when decisions are made: the first bar of each period")
    triggers: tuple[Annotated[ComponentSpec, NestedRole("trigger")], ...] = Field(
        default=(), description="which decisions are traded; without any, all"
    )
    exits: tuple[Annotated[ComponentSpec, NestedRole("exit")], ...] = Field(
        default=(), description="close holdings between decisions when their price touches a level"
    )
    limits: Limits = Field(default=Limits(), description="bounds of the target weights, fractions of NAV")
    broker: Annotated[ComponentSpec, NestedRole("broker")] = Field(
        default=ComponentSpec(use="simulated"), description="fills the orders"
    )
    analyzers: tuple[Annotated[ComponentSpec, NestedRole("analyzer")], ...] = Field(
        default=(), description="watch the decisions and add tables to the reports"
    )
    reports: tuple[Annotated[ComponentSpec, NestedRole("report")], ...] = Field(
        default=(), description="what is written about the result"
    )
    risk_free: float = Field(default=0.0, description="yearly rate, a fraction, for the Sharpe ratio and the like")

    _places: Positions = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _tell_what_is_wrong(
        cls, raw: Any, validate: ModelWrapValidatorHandler[RunConfig], info: ValidationInfo
    ) -> RunConfig:
        places: Positions = info.context or {}
        try:
            config = validate(raw)
        except ValidationError as error:
            raise ConfigError("\n".join(complaints(error.errors(), raw, cls, (), places))) from error
        if places:
            config._places = places
        return config

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(SAFE_NAME, name):
            raise ValueError("not a safe folder name: only letters, digits and _, with - and . inside")
        return name


@dataclass(frozen=True)
class Bound:
    """Hold a component that the configuration names, with its validated options and nested components."""

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


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a YAML file and what it extends, apply ``KEY=VALUE`` overrides, and check all against the plugins.

    Raises:
        ConfigError: names file, line and column of everything that is wrong.
    """
    tree = read_tree(Path(path), overrides)
    places = positions(tree)
    for key in places:
        if key[-1:] == ("options",) and (*key[:-1], "use") in places:
            raise ConfigError(locate(places, key, "unknown key; the keys of a component stand beside `use`", key=True))
    raw = _rebase(plain(tree), {RunConfig}, (), places)
    config = RunConfig.model_validate(raw, context=places)
    bind(config, catalogue(get_plugin_manager(config.plugins)))
    return config


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


def resolved(config: RunConfig, bound: BoundConfig) -> dict[str, Any]:
    """Return the configuration with all defaults, JSON-able, in the order of the YAML."""
    return _tree(config, bound, paths=True)


def canonical(config: RunConfig, bound: BoundConfig) -> dict[str, Any]:
    """Return what affects the result: no name, no reports, no paths; assets sorted."""
    tree = _tree(config, bound, paths=False)
    tree["data"]["assets"] = dict(sorted(tree["data"]["assets"].items()))
    return {key: value for key, value in tree.items() if key not in ("name", "plugins", "reports")}


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
        raw = _rebase(spec.options, {model}, path, self.places)
        try:
            options = model.model_validate(raw)
        except ValidationError as error:
            self.errors.extend(complaints(error.errors(), raw, model, path, self.places))
            return None
        return Bound(role, spec.use, options, offer, self.children(options, path))


def _refuse_deep_nesting(offer: Offer) -> None:
    for name, field in offer.component.config.model_fields.items():
        models = [leaf for leaf in leaf_types(field.annotation) if issubclass(leaf, BaseModel)]
        for part, inner in ((part, inner) for m in models for part, inner in m.model_fields.items()):
            if nested_role(inner):
                raise PluginError(
                    f"{offer.origin}: {offer.component.name}.{name}.{part} is Nested inside another field; "
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


def _rebase(value: Any, leaves: set[type], path: KeyPath, places: Positions) -> Any:
    """Let relative paths start at the folder of the file in which they stand.

    ``leaves`` are the classes that the value's annotation is made of. This happens before validation,
    so that a type such as ``FilePath`` looks in the right place.
    """
    if isinstance(value, str | Path):
        is_path = any(issubclass(leaf, Path) for leaf in leaves) and str not in leaves
        return (_folder(places, path) / Path(value).expanduser()) if is_path else value
    if isinstance(value, list | tuple):
        return [_rebase(item, leaves, (*path, i), places) for i, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    models = [leaf for leaf in leaves if issubclass(leaf, BaseModel) and leaf is not ComponentSpec]
    known = {name: field for model in models for name, field in model.model_fields.items()}
    return {
        name: _rebase(item, leaf_types(known[name].annotation) if name in known else leaves, (*path, name), places)
        for name, item in value.items()
    }


def _folder(places: Positions, path: KeyPath) -> Path:
    return places[path][1].folder if path in places else Path.cwd()


def _tree(config: RunConfig, bound: BoundConfig, *, paths: bool) -> dict[str, Any]:
    children = {item.name: getattr(bound, item.name) for item in fields(bound)}
    tree = {name: _jsonable(getattr(config, name), paths) for name in type(config).model_fields}
    tree |= {name: _component(child, paths) for name, child in children.items() if name not in ("source", "tables")}
    tree["data"]["source"] = _component(bound.source, paths)
    for name, child in bound.tables.items():
        tree["data"]["tables"][name]["source"] = _component(child, paths)
    return {name: tree[name] for name in type(config).model_fields}


def _component(bound: Bound | tuple[Bound, ...] | None, paths: bool) -> Any:
    if bound is None:
        return None
    if isinstance(bound, tuple):
        return [_component(item, paths) for item in bound]
    options = {
        name: _component(bound.children[name], paths) if name in bound.children else _jsonable(value, paths)
        for name, value in bound.options
        if paths or not _holds_path(value)
    }
    return {"use": bound.name, **options}


def _jsonable(value: Any, paths: bool) -> Any:
    """Return ``value`` as JSON knows it; without ``paths``, drop those inside."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item, paths) for key, item in value.items() if paths or not _holds_path(item)}
    if isinstance(value, set | frozenset):  # their order changes from process to process
        return sorted((_jsonable(item, paths) for item in value), key=repr)
    if isinstance(value, list | tuple):
        return [_jsonable(item, paths) for item in value if paths or not _holds_path(item)]
    return to_jsonable_python(value, fallback=str)


def _holds_path(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return bool(value) and all(_holds_path(item) for item in value)
    return isinstance(value, Path)
