"""Read a YAML file, what it extends and ``--set`` overrides, keeping where every key stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from bt_run.config.places import KeyPath, Place
from bt_run.errors import ConfigError
from bt_run.text import did_you_mean

__all__ = ["Node", "plain", "positions", "read_tree"]

NO_COLON = "could not find expected ':'"  # in ruamel's words
MOST_VALUES = (
    100_000  # in a file with its aliases written out; a run of 500 assets has 1,100
)
# a bare name is short for {use: NAME} of a component, and elsewhere for
SHORT: Mapping[str, str] = MappingProxyType({"research": "name"})
# what stands here has dotted keys itself
OF_DOTTED_KEYS = ("sweep", "over")
MOST_LEVELS = 100  # of mappings and lists inside each other


@dataclass(frozen=True)
class Node:
    """A YAML value and where it stands: a scalar, a list of nodes, or a mapping of names to
    nodes.
    """

    value: Any
    key: Place
    place: Place


def read_tree(path: Path, overrides: Sequence[str] = ()) -> Node:
    """Return the content of ``path`` over that of the files it extends, with ``overrides`` on
    top.

    A key that begins with ``x-`` at the top is not a part of it: anchors may stand there.
    """
    root = _without_asides(_read_extended(path, ()))
    for override in overrides:
        root = _set_key(root, override)
    return root


def _without_asides(root: Node) -> Node:
    kept = {
        name: node for name, node in root.value.items() if not name.startswith("x-")
    }
    return replace(root, value=kept)


def plain(node: Node) -> Any:
    """Return the node's value as plain dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {name: plain(child) for name, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def positions(node: Node, path: KeyPath = ()) -> dict[KeyPath, tuple[Place, Place]]:
    """Return the places of the node and of everything below it."""
    found = {path: (node.key, node.place)}
    items: Any = ()
    if isinstance(node.value, dict):
        items = node.value.items()
    elif isinstance(node.value, list):
        items = enumerate(node.value)
    for part, child in items:
        found.update(positions(child, (*path, part)))
    return found


# -- extends ---------------------------------------------------------------------------------------


def _read_extended(path: Path, chain: tuple[Path, ...]) -> Node:
    """Return a file over those it extends; ``chain`` is the files that led to it."""
    root = _read_file(path)
    extends = root.value.get("extends")
    if extends is None:
        return root
    base = _file_of(extends, path)
    chain = (*chain, path)
    _refuse_circle(extends.place, base, chain)
    if not base.is_file():
        found = f"found {extends.value!r}"
        expected = f"expected a path that starts at the folder of {path.name}"
        hint = _similar_file(base)
        raise ConfigError(
            extends.place.tell(f"extends: no such file; {found}; {expected}{hint}")
        )
    own = {name: child for name, child in root.value.items() if name != "extends"}
    return _merge(_read_extended(base, chain), replace(root, value=own))


def _file_of(extends: Node, path: Path) -> Path:
    if isinstance(extends.value, str):
        return path.parent / extends.value
    found = f"found {plain(extends)!r}"
    text = f"extends: wrong type; {found}; expected the name of one YAML file"
    raise ConfigError(extends.place.tell(text))


def _refuse_circle(place: Place, base: Path, chain: tuple[Path, ...]) -> None:
    known = [file.resolve() for file in chain]
    if base.resolve() not in known:
        return
    first = known.index(base.resolve())
    circle = " -> ".join(str(file) for file in (*chain[first:], base))
    raise ConfigError(
        place.tell(f"extends: the files extend each other in a circle: {circle}")
    )


def _merge(base: Node, over: Node) -> Node:
    """Lay ``over`` on ``base``: mappings merge, unless they name different components; all else
    replaces.
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    if "use" in over.value and plain(over)["use"] != plain(base).get("use"):
        return over
    merged = dict(base.value)
    for name, child in over.value.items():
        merged[name] = _merge(merged[name], child) if name in merged else child
    return replace(over, value=merged)


# -- overrides -------------------------------------------------------------------------------------


def _set_key(root: Node, override: str) -> Node:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(
            f"--set {override}: expected KEY=VALUE with a dotted key, such as broker.cash=50000 or "
            "overlays.0.annual=0.15"
        )
    place = Place(f"--set {key.strip()}", Path.cwd())
    try:
        value = _load(text)
    except YAMLError as error:
        raise ConfigError(
            place.tell(f"the value is not YAML; found {text!r}; {_problem(error)}")
        ) from error
    except RecursionError as error:
        raise ConfigError(place.tell("the value is nested too deeply")) from error
    return _put(root, parts, _node(value, _Origin(place, None), place, place), ())


def _put(node: Node, parts: Sequence[str], new: Node, done: tuple[str, ...]) -> Node:
    """Return a node with ``new`` at the dotted key ``parts``; ``done`` leads to the node."""
    if not parts:
        return new
    head, rest, value = parts[0], parts[1:], node.value
    if done == OF_DOTTED_KEYS:
        head, rest = ".".join(parts), ()
    where = ".".join(done) or "the file"
    if isinstance(value, list):
        place = _list_index(head, value, where, new)
        child = _put(value[place], rest, new, (*done, head))
        return replace(node, value=[*value[:place], child, *value[place + 1 :]])
    if isinstance(value, str):
        value = {SHORT.get(where, "use"): replace(node, key=node.place)}
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ConfigError(
            new.place.tell(
                f"{where} is {value!r} and has no keys; found {head!r} after it"
            )
        )
    nothing = Node({}, new.place, new.place)
    child = _put(value.get(head, nothing), rest, new, (*done, head))
    return replace(node, value={**value, head: child})


def _list_index(head: str, value: Sequence[Node], where: str, new: Node) -> int:
    if head.isdecimal() and int(head) < len(value):
        return int(head)
    entries = (
        f"an index from 0 to {len(value) - 1}"
        if value
        else "nothing, for the list is empty"
    )
    raise ConfigError(
        new.place.tell(f"{where} is a list; found {head!r}; expected {entries}")
    )


# -- one file --------------------------------------------------------------------------------------


@dataclass
class _Count:
    """How many values were read so far; an alias counts as all that it stands for."""

    values: int = 0


@dataclass(frozen=True)
class _Origin:
    """The file that ruamel's lines and columns (from 0) are of; without ``lines`` an override.

    ``level`` counts the mappings and lists around what is read.
    """

    start: Place
    lines: Sequence[str] | None
    count: _Count = field(default_factory=_Count)
    level: int = 0

    def deeper(self, place: Place) -> _Origin:
        """Return the origin of what the value at ``place`` holds, and count that value.

        Raises:
            ConfigError: aliases make of some lines more than a run can be, or name what is around
                them.
        """
        self.count.values += 1
        if self.count.values > MOST_VALUES:
            found = f"the file holds more than {MOST_VALUES:,} values, its aliases written out"
            raise ConfigError(place.tell(f"{found}; at most that many are read"))
        if self.level > MOST_LEVELS:
            found = (
                f"more than {MOST_LEVELS} mappings and lists stand inside each other"
            )
            raise ConfigError(
                place.tell(f"{found}; an alias may name what is around it")
            )
        return replace(self, level=self.level + 1)

    def at(self, line: int, column: int) -> Place:
        if self.lines is None:
            return self.start
        text = self.lines[line] if line < len(self.lines) else ""
        return replace(self.start, line=line + 1, column=column + 1, text=text)


def _read_file(path: Path) -> Node:
    text = _read_text(path)
    origin = _Origin(Place(str(path), path.parent.resolve()), text.splitlines())
    document = _parsed(path, text, origin)
    first = origin.at(0, 0)
    if document is None:
        raise ConfigError(
            f"{path}: the file is empty; expected a run, such as `bt-run init` writes"
        )
    if not isinstance(document, CommentedMap):
        found = "a list" if isinstance(document, CommentedSeq) else repr(document)
        expected = "expected a mapping such as `name: my_run`"
        raise ConfigError(first.tell(f"wrong type; found {found}; {expected}"))
    return _node(document, origin, first, first)


def _parsed(path: Path, text: str, origin: _Origin) -> Any:
    """Return what ruamel reads in ``text``, its errors as ours."""
    try:
        return _load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.problem == NO_COLON and error.context_mark:
            mark = error.context_mark  # the line itself; the problem shows behind it
        place = origin.at(mark.line, mark.column) if mark else origin.start
        raise ConfigError(place.tell(_problem(error, place.text))) from error
    except YAMLError as error:
        raise ConfigError(f"{path}: {_problem(error)}") from error
    except RecursionError as error:
        raise ConfigError(
            f"{path}: the file is nested too deeply to be read"
        ) from error


def _load(text: str) -> Any:
    """Return what ruamel reads in a text.

    Raises:
        YAMLError: the text is not YAML. Where ruamel lets Python's own errors through (of a day
            that is none, a number of too many digits, a mapping that merges itself), they are
            one as well.
        RecursionError: the text is nested too deeply.
    """
    try:
        return YAML(typ="rt").load(text)
    except (YAMLError, RecursionError):
        raise
    except Exception as error:
        raise YAMLError(f"{type(error).__name__}: {error}") from error


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ConfigError(f"{path}: found a folder; expected a YAML file")
    if not path.is_file():
        raise ConfigError(f"{path}: no such file{_similar_file(path)}")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        found = f"found the byte 0x{content[error.start]:02x}"
        raise ConfigError(
            f"{path}:{line}:{column}: the file is not UTF-8; {found}; save it as UTF-8"
        ) from error


def _similar_file(path: Path) -> str:
    return did_you_mean(path.name, (file.name for file in path.parent.glob("*.y*ml")))


def _problem(error: YAMLError, line: str = "") -> str:
    """Return what ruamel found in a line, in one line."""
    problem = getattr(error, "problem", None) or str(error)
    if "'\\t'" in problem:
        return "a tab stands here; YAML is indented with spaces"
    if problem == NO_COLON:
        glued = re.match(r"\s*([\w-]+):(\S.*)", line)
        right = f"{glued[1]}: {glued[2]}" if glued else "key: value"
        return f"a key needs a colon and a space; expected such as `{right}`"
    if "duplicate key" in problem:
        return (
            problem.removeprefix("found ")
            + "; a key may stand only once in its mapping"
        )
    return f"not valid YAML: {' '.join(problem.split())}"


def _node(value: Any, origin: _Origin, key: Place, place: Place) -> Node:
    inside = origin.deeper(place)
    if isinstance(value, CommentedMap):
        return Node(_mapping(value, inside, place), key, place)
    if isinstance(value, CommentedSeq):
        items = []
        for i, item in enumerate(value):
            here = origin.at(*value.lc.item(i)) if value.lc.data else place
            items.append(_node(item, inside, here, here))
        return Node(items, key, place)
    return Node(_scalar(value, place), key, place)


def _mapping(value: CommentedMap, origin: _Origin, place: Place) -> dict[str, Node]:
    children = {}
    for name, child in value.items():
        own = name in (
            value.lc.data or ()
        )  # a key that came by `<<` has no place of its own
        key = origin.at(*value.lc.key(name)) if own else place
        if not isinstance(name, str):
            raise ConfigError(key.tell(_no_key(_scalar(name, key), child)))
        # of an empty value ruamel tells where the next one stands
        empty = child is None
        here = origin.at(*value.lc.value(name)) if own and not empty else key
        children[str(name)] = _node(child, origin, key, here)
    return children


def _no_key(found: Any, value: Any) -> str:
    """Say what is wrong with a key that is no string."""
    if value is None and isinstance(found, int | float):
        return (
            f"found {found}, a number where a key is expected; a comma ends a value here, so write "
            "numbers without commas, such as 100000"
        )
    return f"a key must be a string; found {found!r}; put it in quotes"


def _scalar(value: Any, place: Place) -> Any:
    """Return ruamel's decorated scalar as the plain Python one."""
    if isinstance(value, ScalarBoolean):
        return bool(value)
    if value is None or isinstance(value, bool | date):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise ConfigError(
        place.tell(
            "tags such as !name are not used here; found one; expected a plain value"
        )
    )
