"""The JSON schema of a YAML file, built from everything that is installed, for editors."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from bt_run.catalogue import Catalogue, Offer
from bt_run.component import ROLES
from bt_run.config.fields import leaf_types, nested_roles
from bt_run.config.run_config import RunConfig
from bt_run.data.data_config import DataConfig
from bt_run.errors import PluginError

__all__ = ["json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JsonObject = dict[str, Any]


def json_schema(catalogue: Catalogue) -> JsonObject:
    """Return the JSON schema (draft 2020-12) of a run's YAML file, with one branch per
    component.
    """
    definitions = _components(catalogue)
    data = _model(DataConfig, "data", definitions)
    run = _model(RunConfig, "run", definitions)
    _drop_doubles(definitions)
    required_data, required_run = data.pop("required"), run.pop("required")
    definitions["data"] = data
    run["properties"]["data"] = {
        "$ref": "#/$defs/data",
        "description": "the prices to play on",
    }
    run["properties"]["extends"] = {
        "type": "string",
        "description": "a YAML file whose keys are inherited",
    }
    strict_data = {"required": required_data, "properties": _loosen(data)}
    strict = {"data": strict_data} | _loosen(run)
    return {
        "$schema": DIALECT,
        "title": "A run of bt-run",
        "type": "object",
        "properties": run["properties"],
        "additionalProperties": False,
        # what a file leaves out may stand in the one it extends
        "if": {"required": ["extends"]},
        "else": {"required": required_run, "properties": strict},
        "$defs": definitions,
    }


def _components(catalogue: Catalogue) -> JsonObject:
    """Return a definition for each role: one of the components that are offered."""
    definitions: JsonObject = {}
    for role, offers in catalogue.offers.items():
        branches = [
            _component(offer, definitions) for _, offer in sorted(offers.items())
        ]
        branches = _bare_names(branches) + branches
        definitions[role] = {"oneOf": branches} if branches else {"not": {}}
    return definitions


def _drop_doubles(definitions: JsonObject) -> None:
    """Drop what the run's own definitions repeat of the data's."""
    of_data = [name for name in definitions if name.startswith("data.")]
    for name in of_data:
        definitions.pop(f"run.{name.removeprefix('data.')}", None)
    definitions.pop("run.DataConfig")


def _loosen(model: JsonObject) -> JsonObject:
    """Let a component stand without ``use``, to be merged with the inherited one.

    Returns the strict forms.
    """
    strict: JsonObject = {}
    for name, field in model["properties"].items():
        forms = [{"$ref": field["$ref"]}] if "$ref" in field else field.get("anyOf", [])
        if any(
            form.get("$ref", "").removeprefix("#/$defs/") in ROLES for form in forms
        ):
            field.pop("$ref", None)
            strict[name] = {"anyOf": forms}
            field["anyOf"] = [*forms, {"type": "object", "not": {"required": ["use"]}}]
    return strict


def _bare_names(branches: list[JsonObject]) -> list[JsonObject]:
    """Return the branch for ``strategy: NAME``, allowed where nothing but the name is required."""
    names = [branch["title"] for branch in branches if branch["required"] == ["use"]]
    return [{"enum": names, "description": "short for {use: NAME}"}] if names else []


def _component(offer: Offer, definitions: JsonObject) -> JsonObject:
    component = offer.component
    try:
        own = _model(component.config, f"{offer.role}.{component.name}", definitions)
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError) as error:
        cause = str(error).splitlines()[0]
        raise PluginError(
            f"{offer.origin}: the config of the {offer.role} {component.name!r} has no JSON "
            f"schema: {cause}"
        ) from error
    use = {"const": component.name, "description": component.summary}
    return {
        "title": component.name,
        "description": component.summary,
        "type": "object",
        "properties": {"use": use, **own["properties"]},
        "required": ["use", *own.get("required", ())],
        "additionalProperties": False,
    }


def _model(model: type[BaseModel], name: str, definitions: JsonObject) -> JsonObject:
    """Return a model's schema; what it refers to goes into ``definitions`` under its own names."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    parts = _models_in(model)
    for part, definition in schema.pop("$defs", {}).items():
        if part == "ComponentSpec":
            continue
        own = _words(definition)
        definitions[f"{name}.{part}"] = own
        if part in parts:
            _name_components(own, parts[part], name)
    schema = cast(JsonObject, _words(schema))
    schema.setdefault("properties", {})
    _name_components(schema, model, name)
    return schema


def _models_in(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the models that a model's fields are made of, by name."""
    found = {}
    for field in model.model_fields.values():
        for leaf in leaf_types(field.annotation):
            if issubclass(leaf, BaseModel):
                found[leaf.__name__] = leaf
    return found


def _name_components(schema: JsonObject, model: type[BaseModel], name: str) -> None:
    """Let the fields that name a component refer to those of its role."""
    for key, role in nested_roles(model).items():
        old, new = f"#/$defs/{name}.ComponentSpec", f"#/$defs/{role}"
        own = _refer(schema["properties"][key], old, new)
        if isinstance(own.get("default"), dict):
            own["default"] = own["default"]["use"]
        schema["properties"][key] = own


def _refer(schema: Any, old: str, new: str) -> Any:
    """Return ``schema`` with references to ``old`` turned to ``new``."""
    if isinstance(schema, dict):
        return {key: _refer(value, old, new) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_refer(item, old, new) for item in schema]
    return new if schema == old else schema


def _words(schema: Any) -> Any:
    """Drop pydantic's titles, which only repeat the keys, and let a time be written 10:30."""
    if isinstance(schema, list):
        return [_words(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {
        key: _words(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
    if out.get("format") == "time":
        out = {key: value for key, value in out.items() if key != "format"}
        out["pattern"] = r"^\d\d:\d\d(:\d\d)?$"
    return out
