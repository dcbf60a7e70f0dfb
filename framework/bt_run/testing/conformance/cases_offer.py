"""Cases of every role: what a component says of itself, its keys, and that it answers the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from bt_run.component import ClassicConfig
from bt_run.config.fields import leaf_types
from bt_run.errors import BtRunError
from bt_run.model import ComponentSpec, Config
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable, told
from bt_run.testing.conformance.digests import digest_of
from bt_run.testing.conformance.worker import digest_elsewhere

__all__ = ["offer_cases"]

ODD_KEY = "no_such_key"


def offer_cases(letter: str) -> tuple[Case, ...]:
    """Return the cases that every role has, 01 to 07; 06 and 07 presuppose the role's own 08."""
    first, answers = f"{letter}01", f"{letter}08"
    return (
        Case(
            first,
            "builds",
            "a component that cannot be built from its example keys can be neither shown nor "
            "tested",
            _builds,
        ),
        Case(
            f"{letter}02",
            "says_what_it_does",
            "the summary is what `bt-run plugins` and the manual print beside the name",
            _summary,
        ),
        Case(
            f"{letter}03",
            "describes_its_keys",
            "a key without a description and a unit is guessed at by those who write the YAML",
            _descriptions,
        ),
        Case(
            f"{letter}04",
            "refuses_unknown_keys",
            "a misspelt key that is ignored runs a backtest with the default, and nobody sees it",
            _unknown_keys,
        ),
        Case(
            f"{letter}05",
            "keys_survive_a_round_trip",
            "the manifest holds the keys as JSON, and a run is reproduced from them",
            _round_trip,
            (first,),
        ),
        Case(
            f"{letter}06",
            "same_twice",
            "equal inputs must give equal bytes, or no run can be repeated",
            _same_twice,
            (answers,),
        ),
        Case(
            f"{letter}07",
            "same_in_another_process",
            "sweeps and live trading run in processes of their own, started anew",
            _same_elsewhere,
            (answers, f"{letter}06"),
        ),
    )


def _builds(bench: Bench) -> None:
    try:
        bench.subject.build()
    except BtRunError as error:
        right = (
            "an object of its role; give the keys it needs by Component(example={...})"
        )
        raise Broken(told(error), right) from error


def _summary(bench: Bench) -> None:
    summary = bench.subject.component.summary
    if not summary.strip() or "\n" in summary:
        raise Broken(
            f"the summary {summary!r}", "one line that says what the component does"
        )


def _descriptions(bench: Bench) -> str | None:
    config = bench.subject.component.config
    if issubclass(config, ClassicConfig):
        raise NotApplicable("the params of a Backtrader strategy have no descriptions")
    bare = [path for path, _, text in _fields(config, "") if not text]
    if bare:
        raise Broken(
            f"no description of {', '.join(bare)}",
            "Field(description='what it is, and its unit')",
        )
    return None


def _unknown_keys(bench: Bench) -> None:
    config = bench.subject.component.config
    lax = [
        model.__name__
        for model in (config, *_models(config))
        if model.model_config.get("extra") != "forbid"
    ]
    if lax:
        raise Broken(
            f"{', '.join(lax)} takes any key",
            "a subclass of bt_run.Config, which forbids unknown keys",
        )
    try:
        config.model_validate({**bench.subject.options, ODD_KEY: 1})
    except ValidationError as error:
        if any(item["loc"][:1] == (ODD_KEY,) for item in error.errors()):
            return
    raise Broken(f"the key {ODD_KEY!r} was taken", "an error that names it")


def _round_trip(bench: Bench) -> None:
    options = bench.subject.bind().options
    dumped = options.model_dump(mode="json", exclude_unset=False)
    try:
        again = type(options).model_validate(_as_written(dumped))
    except ValidationError as error:
        raise Broken(
            told(error),
            "keys that can be read back from what model_dump(mode='json') gave",
        ) from error
    if again != options:
        raise Broken(f"{options!r} came back as {again!r}", "the same keys and values")


def _same_twice(bench: Bench) -> None:
    one, other = bench.digest, digest_of(bench.subject)
    if one != other:
        raise Broken(
            "two builds gave different bytes on the same inputs",
            "the same bytes; take randomness from seed",
        )


def _same_elsewhere(bench: Bench) -> None:
    here, there = bench.digest, digest_elsewhere(bench.subject)
    if here != there:
        raise Broken(
            f"a new process answered otherwise ({there[:60]})",
            "the same bytes; nothing may depend on hash(), the order of a set, or on what this "
            "process did before",
        )


def _fields(model: type[BaseModel], path: str) -> Iterator[tuple[str, Any, str | None]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field, field.description
        for leaf in leaf_types(field.annotation):
            if issubclass(leaf, BaseModel) and leaf is not ComponentSpec:
                yield from _fields(leaf, f"{path}{name}.")


def _models(model: type[Config]) -> Iterator[type[BaseModel]]:
    for _, field, _ in _fields(model, ""):
        yield from (
            leaf
            for leaf in leaf_types(field.annotation)
            if issubclass(leaf, BaseModel) and leaf is not ComponentSpec
        )


def _as_written(value: Any) -> Any:
    """Return dumped keys as a YAML file has them: a nested component is ``{use: NAME, ...}``."""
    if isinstance(value, dict):
        if value.keys() == {"use", "options"}:
            return {"use": value["use"], **_as_written(value["options"])}
        return {key: _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, list) else value
