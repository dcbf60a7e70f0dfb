"""The keys `sweep` and `research` of a run file."""

import pytest
from kit.small_project import make_project
from kit.sweeps import make_sweep

from bt_run import ConfigError, load_config
from bt_run.config.binding import bind
from bt_run.config.canonical_form import canonical, placed
from bt_run.config.run_config import RunConfig
from bt_run.plugins import catalogue, get_plugin_manager

OVER = {"strategy.level": [0.2, 0.4]}


def trees(config):
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    return placed(config, bound), canonical(config, bound)


def wrong(place, sweep, more=""):
    with pytest.raises(ConfigError) as error:
        load_config(make_sweep(place, sweep, more=more))
    return str(error.value)


def test_neither_sweep_nor_research_is_a_part_of_a_result(tmp_path):
    _, plain = trees(load_config(make_project(tmp_path) / "small.yaml"))
    file = make_sweep(tmp_path, {"over": OVER}, more="research: ideas\n")
    config = load_config(file)
    whole, found = trees(config)
    assert config.research.name == "ideas"
    assert whole["sweep"]["over"] == OVER
    assert found == {key: value for key, value in plain.items()}


def test_a_sweep_survives_json(tmp_path):
    over = {
        "strategy.level": {"from": 0.1, "to": 0.5, "step": 0.1},
        "seed": {"log_uniform": [1, 9]},
    }
    sweep = {"over": over, "search": "random", "n": 3, "folds": {"train": 40}}
    config = load_config(make_sweep(tmp_path, sweep))
    tree, _ = trees(config)
    assert RunConfig.model_validate(tree).sweep == config.sweep


@pytest.mark.parametrize(
    ("sweep", "text"),
    [
        ({"over": {}}, "sweep.over: wrong value; found {}"),
        ({"over": OVER, "scor": 1}, "did you mean 'score'?"),
        (
            {"over": {"seed": {"log_uniform": [1, 5]}}},
            "search: exhaustive tries every value, and seed has no end of them; expected search: "
            "random or optuna, or a list",
        ),
        (
            {"over": OVER, "n": 3},
            "n was 3, and search: exhaustive tries every value; expected search: random or optuna",
        ),
        (
            {"over": OVER, "search": "random"},
            "n: missing; search: random needs how many cells it tries",
        ),
        (
            {"over": OVER, "constraints": ["strategy.level"]},
            "'strategy.level' compares nothing",
        ),
        (
            {"over": OVER, "executor": "dusk"},
            "no executor 'dusk' is installed; executors installed: dask, local, serial (did you "
            "mean 'dask'?)",
        ),
        (
            {"over": {"seed": {"from": 1, "to": 3, "stp": 1}}},
            "expected one of from, to, step, log_uniform (did you mean 'step'?)",
        ),
        (
            {"over": OVER, "executor": {"use": "local", "wrkers": 2}},
            "unknown key; found 2; expected one of workers (did you mean 'workers'?)",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path, sweep, text):
    told = wrong(tmp_path, sweep)
    assert text in told
    assert "sweep.yaml:4:" in told


def test_the_short_form_of_research_takes_overrides(tmp_path):
    file = make_sweep(tmp_path, {"over": OVER}, more="research: ideas\n")
    config = load_config(file, ["research.ledger=else.sqlite"])
    assert config.research.name == "ideas"
    assert config.research.ledger is not None
    assert config.research.ledger.name == "else.sqlite"


def test_a_name_of_research_is_a_name(tmp_path):
    told = wrong(tmp_path, {"over": OVER}, more="research: '/etc'\n")
    assert "research.name" in told or "research:" in told
    assert "sweep.yaml:5:" in told
