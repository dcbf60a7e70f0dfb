"""Finding plugins and what they offer."""

import sys
from pathlib import Path
from types import ModuleType

import pluggy
import pytest

from bt_run import ConfigError, PluginError
from bt_run.component import ROLES
from bt_run.plugins import built_in_modules, catalogue, get_plugin_manager

OFFER = """
from bt_run import Component, Config, hookimpl

@hookimpl
def bt_strategies():
    build = lambda config, context: None
    return [Component(name={name!r}, config=Config, build=build, summary="A strategy")]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def load(*files: Path) -> pluggy.PluginManager:
    return get_plugin_manager(files, modules=())


def install(folder: Path, module: str, text: str, target: str | None = None) -> None:
    """Make a distribution ``my-dist`` that names ``module`` in its entry points."""
    write(folder, f"{module}.py", text)
    info = folder / "my_dist-1.2.dist-info"
    info.mkdir()
    write(info, "METADATA", "Metadata-Version: 2.1\nName: my-dist\nVersion: 1.2\n")
    write(info, "entry_points.txt", f"[bt_run]\nmine = {target or module}\n")


def test_built_ins_offer_something_for_every_role_that_a_run_needs() -> None:
    offers = catalogue(get_plugin_manager()).offers
    assert set(offers) == set(ROLES)
    assert all(
        offers[role]
        for role in (
            "source",
            "strategy",
            "sizer",
            "overlay",
            "trigger",
            "broker",
            "report",
        )
    )


def test_built_ins_are_named_by_their_module() -> None:
    found = catalogue(get_plugin_manager())
    assert found.find("strategy", "trend").origin == "bt_run_strategies.trend"
    offering = set(built_in_modules()) - {
        "bt_run_plugins.market_data.commands",
        "bt_run_plugins.studies.commands",
        "bt_run_plugins.policy.commands",
        "bt_run_plugins.policy.proposal_commands",
        "bt_run_plugins.studies.recorder",
    }
    assert {
        offer.origin for offers in found.offers.values() for offer in offers.values()
    } >= offering


def test_every_call_returns_a_fresh_plugin_manager(tmp_path: Path) -> None:
    load(write(tmp_path, "mine.py", OFFER.format(name="mine")))
    assert "mine" not in catalogue(load()).offers["strategy"]


def test_a_local_file_is_a_plugin(tmp_path: Path) -> None:
    offer = catalogue(load(write(tmp_path, "mine.py", OFFER.format(name="mine")))).find(
        "strategy", "mine"
    )
    assert (offer.origin, offer.role, offer.component.summary) == (
        "mine.py",
        "strategy",
        "A strategy",
    )
    assert offer.module.__file__ == str(tmp_path / "mine.py")


def test_local_files_of_one_name_live_side_by_side_and_one_named_twice_counts_once(
    tmp_path: Path,
) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(write(tmp_path / name, "mine.py", OFFER.format(name=name)))
    offers = catalogue(load(*files, files[0])).offers["strategy"]
    assert [offers[name].origin for name in ("one", "two")] == [
        "mine.py",
        str(files[1]),
    ]


def test_a_local_file_may_hold_annotated_configs_and_dataclasses(
    tmp_path: Path,
) -> None:
    text = """
from __future__ import annotations
from dataclasses import dataclass
from bt_run import Config, Nested

@dataclass
class Memory:
    days: int

class MetaConfig(Config):
    children: list[Nested["strategy"]]
"""
    load(write(tmp_path, "mine.py", text))


def test_a_local_file_that_fails_is_reported_with_line_and_cause(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "mine.py", "x = 1\n\nimport no_such_package_anywhere\n")
    with pytest.raises(
        PluginError,
        match=r"mine\.py:3: the plugin cannot be imported: ModuleNotFoundError: No mod",
    ):
        load(path)
    path = write(tmp_path, "typo.py", "x = 1\ndef f(:\n")
    with pytest.raises(
        PluginError, match=r"typo\.py:2: the plugin cannot be imported: SyntaxError"
    ):
        load(path)


def test_a_missing_local_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError,
        match=r"nowhere\.py does not exist; paths in a YAML file start at its folder",
    ):
        load(tmp_path / "nowhere.py")


def test_a_local_file_that_is_not_python_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError,
        match=r"mine\.txt is not a Python module; its name must end in \.py",
    ):
        load(write(tmp_path, "mine.txt", "x = 1\n"))


def test_an_installed_distribution_is_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "my_installed_plugin", OFFER.format(name="installed"))
    monkeypatch.syspath_prepend(tmp_path)
    offer = catalogue(get_plugin_manager()).find("strategy", "installed")
    assert offer.origin == "my-dist 1.2 (my_installed_plugin)"


def test_a_distribution_may_name_a_module_that_is_registered_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "unused_plugin", "", target="bt_run_strategies.trend")
    monkeypatch.syspath_prepend(tmp_path)
    assert (
        catalogue(get_plugin_manager()).find("strategy", "trend").origin
        == "bt_run_strategies.trend"
    )


def test_a_broken_distribution_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "my_broken_plugin", "raise RuntimeError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    message = (
        "the plugin my_broken_plugin of my-dist 1.2 cannot be imported: RuntimeError: no licence; "
        "repair or uninstall my-dist 1.2"
    )
    with pytest.raises(PluginError, match=message):
        get_plugin_manager()


def test_an_entry_point_must_name_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "my_object_plugin", "thing = 3", target="my_object_plugin:thing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        PluginError,
        match=r"my-dist 1\.2 .*: the entry point must name a module; found int",
    ):
        get_plugin_manager()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "@hookimpl\ndef bt_stragegies(): return []",
            r"mine\.py: unknown hook 'bt_stragegies' \(did you mean 'bt_strategies'\?\)",
        ),
        (
            "@hookimpl\ndef offer(): return []",
            r"mine\.py: unknown hook 'offer'; known hooks: bt_commands, bt_sour",
        ),
        (
            "def bt_sizers(): return []",
            r"mine\.py: bt_sizers lacks the decorator @hookimpl, so it would never be",
        ),
        (
            "@hookimpl\ndef bt_commands(group): pass",
            r"mine\.py: Plugin 'mine.py' for hook 'bt_commands' .*group",
        ),
    ],
)
def test_a_hook_that_would_never_be_called_is_an_error(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        load(write(tmp_path, "mine.py", f"from bt_run import hookimpl\n{text}\n"))
    assert "\n" not in str(caught.value)


def test_two_components_of_one_name_are_an_error_that_names_both_origins(
    tmp_path: Path,
) -> None:
    pm = load(
        *(
            write(tmp_path, name, OFFER.format(name="mine"))
            for name in ("one.py", "two.py")
        )
    )
    message = (
        "the strategy 'mine' is offered by both (one.py and two.py|two.py and one.py); "
        "a name may be offered"
    )
    with pytest.raises(PluginError, match=message):
        catalogue(pm)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return ['trend']",
            r"mine\.py: bt_sizers must offer Component records; found 'trend'",
        ),
        (
            "return None",
            r"mine\.py: bt_sizers failed with TypeError: 'NoneType' object is not iterable",
        ),
        ("yield from {}['x']", r"mine\.py: bt_sizers failed with KeyError: 'x'"),
    ],
)
def test_an_offer_that_fails_is_reported_with_its_plugin(
    tmp_path: Path, body: str, message: str
) -> None:
    text = f"from bt_run import hookimpl\n\n@hookimpl\ndef bt_sizers():\n    {body}\n"
    with pytest.raises(PluginError, match=message):
        catalogue(load(write(tmp_path, "mine.py", text)))


def test_a_config_field_may_not_be_called_like_a_word_of_the_yaml(
    tmp_path: Path,
) -> None:
    text = OFFER.format(name="mine").replace("config=Config", "config=Mine")
    text = text.replace(
        "@hookimpl", "class Mine(Config):\n    use: int = 1\n\n@hookimpl"
    )
    with pytest.raises(
        PluginError,
        match=r"mine\.py: the config of 'mine' has a field called 'use', a word that",
    ):
        catalogue(load(write(tmp_path, "mine.py", text)))


def test_a_config_must_be_a_config(tmp_path: Path) -> None:
    text = OFFER.format(name="mine").replace("config=Config", "config=dict")
    with pytest.raises(
        PluginError,
        match=r"mine\.py: the config of 'mine' must be a subclass of bt_run\.Config",
    ):
        catalogue(load(write(tmp_path, "mine.py", text)))


def test_an_unknown_name_is_reported_with_what_there_is_and_the_nearest() -> None:
    found = catalogue(get_plugin_manager())
    message = (
        r"no strategy 'tredn' is installed; strategies installed: .*trend "
        r"\(did you mean 'trend'\?\)"
    )
    with pytest.raises(ConfigError, match=message):
        found.find("strategy", "tredn")
    with pytest.raises(
        ConfigError, match="no analyzer 'x' is installed; analyzers installed: none"
    ):
        catalogue(load()).find("analyzer", "x")


def test_a_name_of_another_role_is_reported_as_such() -> None:
    with pytest.raises(
        ConfigError,
        match="'equal_weight' is a sizer, not a strategy; strategies installed: ",
    ):
        catalogue(get_plugin_manager()).find("strategy", "equal_weight")


# -- modules beside a plugin -----------------------------------------------------------------------


def plugin_beside(folder: Path, level: int) -> Path:
    folder.mkdir()
    write(folder, "helper.py", f"LEVEL = {level}\n")
    text = OFFER.format(name=f"level_{level}") + "\nfrom helper import LEVEL\n"
    return write(folder, f"plugin_{level}.py", text)


def test_a_plugin_may_import_the_module_beside_it(tmp_path: Path) -> None:
    """Two plugins in two folders, each with a helper of its own."""
    files = [plugin_beside(tmp_path / "one", 1), plugin_beside(tmp_path / "two", 2)]
    path = list(sys.path)
    pm = load(*files)
    levels = [module.LEVEL for module in pm.get_plugins() if hasattr(module, "LEVEL")]
    assert sorted(levels) == [1, 2]
    assert "helper" not in sys.modules
    assert sys.path == path


def test_a_package_beside_a_plugin_is_imported_and_what_was_there_before_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModuleType("tools")
    monkeypatch.setitem(sys.modules, "tools", other)
    (tmp_path / "tools").mkdir()
    write(tmp_path / "tools", "__init__.py", "")
    write(tmp_path / "tools", "numbers_of.py", "SEVEN = 7\n")
    text = OFFER.format(name="seven") + "\nfrom tools.numbers_of import SEVEN\n"
    pm = load(write(tmp_path, "plugin.py", text))
    (module,) = pm.get_plugins()
    assert module.SEVEN == 7
    assert sys.modules["tools"] is other


def test_folders_without_an_init_are_each_plugins_own(tmp_path: Path) -> None:
    files = []
    for level in (1, 2):
        folder = tmp_path / str(level)
        (folder / "parts").mkdir(parents=True)
        write(folder / "parts", "level.py", f"LEVEL = {level}\n")
        text = OFFER.format(name=f"level_{level}") + "\nfrom parts.level import LEVEL\n"
        files.append(write(folder, f"plugin_{level}.py", text))
    pm = load(*files)
    levels = [module.LEVEL for module in pm.get_plugins() if hasattr(module, "LEVEL")]
    assert sorted(levels) == [1, 2]
    assert not [name for name in sys.modules if name.partition(".")[0] == "parts"]


def test_a_folder_beside_a_plugin_hides_no_installed_package(tmp_path: Path) -> None:
    import numpy

    (tmp_path / "numpy").mkdir()
    write(tmp_path / "numpy", "notes.py", "")
    text = OFFER.format(name="numbers") + "\nimport numpy\n"
    pm = load(write(tmp_path, "plugin.py", text))
    (module,) = pm.get_plugins()
    assert module.numpy is numpy
    assert sys.modules["numpy"] is numpy


def test_a_neighbour_that_only_a_library_imports_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would run under a name of another module, and no hash would know of it."""
    library = tmp_path / "library"
    library.mkdir()
    write(library, "some_library.py", "import its_part\n")
    monkeypatch.syspath_prepend(library)
    folder = tmp_path / "mine"
    folder.mkdir()
    write(folder, "its_part.py", "")
    text = OFFER.format(name="x") + "\nimport some_library\n"
    with pytest.raises(
        PluginError,
        match=r"plugin\.py: its_part\.py beside it was imported as 'its_part', which no import",
    ):
        load(write(folder, "plugin.py", text))
    for name in ("some_library", "its_part"):
        sys.modules.pop(name, None)


def test_what_lies_below_a_plugins_folder_and_is_imported_from_elsewhere_is_no_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environment" / "lib"
    environment.mkdir(parents=True)
    write(environment, "some_other_library.py", "")
    monkeypatch.syspath_prepend(environment)
    text = OFFER.format(name="x") + "\nimport some_other_library\n"
    load(write(tmp_path, "plugin.py", text))
    sys.modules.pop("some_other_library")


def test_a_module_that_is_not_there_is_told_with_the_line(tmp_path: Path) -> None:
    file = write(tmp_path, "plugin.py", "import os\nimport nowhere_at_all\n")
    with pytest.raises(
        PluginError, match=r"plugin\.py:2: the plugin cannot be imported: ModuleN"
    ):
        load(file)
