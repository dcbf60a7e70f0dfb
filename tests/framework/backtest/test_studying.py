"""Many configurations on bars that are loaded once."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import (
    ConfigError,
    DataError,
    Ledger,
    Prepared,
    load_config,
    map_bars,
    play,
    prepare,
    run,
    store_bars,
)
from bt_run.data.bars import FIELDS, Prices
from bt_run.data.known import Table
from bt_run.data.slices import until
from bt_run.results.ledger import fills_table
from bt_run.results.manifest import table_hash
from bt_run.testing import make_bars

GUARD = {"use": "drawdown_guard", "steps": [{"depth": 0.1, "exposure": 0.5}]}
SHORT = ["data.end=2004-12-31"]


@pytest.fixture(scope="module")
def flagship() -> Prepared:
    return prepare(load_config(EXAMPLES / "spy_qqq.yaml", SHORT))


def test_a_play_is_the_ledger_of_the_run(flagship: Prepared) -> None:
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", SHORT))
    ledger = play(flagship)
    start = ledger.bars.start
    np.testing.assert_array_equal(ledger.nav[start:], result.nav["nav"])
    assert len(fills_table(ledger.bars, ledger.fills)) == len(result.fills)


def test_a_changed_key_plays_as_a_file_with_that_key_would(flagship: Prepared) -> None:
    changes = {"strategy.fast": 20, "overlays.0.annual": 0.05, "broker.cash": 5000.0}
    changed = flagship.changed(changes)
    words = [f"{key}={value}" for key, value in changes.items()]
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", [*SHORT, *words]))
    ledger = play(changed)
    np.testing.assert_array_equal(ledger.nav[ledger.bars.start :], result.nav["nav"])
    assert changed.bars is flagship.bars
    assert flagship.config.strategy.options.get("fast") != 20


def test_a_component_may_be_another(flagship: Prepared) -> None:
    changed = flagship.changed({"sizer": "equal_weight", "overlays": []})
    assert changed.config.sizer is not None
    assert changed.config.sizer.use == "equal_weight"
    assert changed.config.overlays == ()


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "data.end",
            "2003-12-31",
            "data.end: belongs to the data, which are loaded once",
        ),
        ("broker.delisting.after", 3, "broker.delisting.after: belongs to the data"),
        ("strategy.fats", 20, r"strategy.fats: unknown key.*did you mean 'fast'"),
        (
            "strategie.fast",
            20,
            r"strategie.fast: no 'strategie'; found .*mean 'strategy'",
        ),
        ("overlays.3.annual", 0.1, "overlays.3.annual: no '3'; found 0"),
        ("schedule.x", 1, "schedule.x: schedule holds no keys; found 'month'"),
        ("strategy.fast", "soon", "strategy.fast: wrong value; found 'soon'"),
    ],
)
def test_a_key_that_cannot_be_changed_is_refused(
    flagship: Prepared, key: str, value: object, text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        flagship.changed({key: value})


ELSEWHERE = """
import pickle, sys
from dataclasses import replace
from pathlib import Path
from bt_run import load_config, map_bars, play, prepare
from bt_run.results.manifest import table_hash

path = Path(sys.argv[2])
bars = map_bars(path) if path.is_dir() else pickle.loads(path.read_bytes())
ledger = play(replace(prepare(load_config(Path(sys.argv[1]), sys.argv[3:])), bars=bars))
print(bars.fingerprint, table_hash(ledger.decisions_table()), ledger.nav.tobytes().hex())
"""


@pytest.mark.parametrize("way", ["pickle", "memory map"])
@pytest.mark.parametrize("example", ["spy_qqq.yaml", "credit_spread.yaml"])
def test_bars_in_another_process_play_to_the_same_ledger(
    example: str, way: str, tmp_path: Path
) -> None:
    prepared = prepare(load_config(EXAMPLES / example, SHORT))
    bars, ledger = prepared.bars, play(prepared)
    place = tmp_path / "bars"
    if way == "pickle":
        place.write_bytes(pickle.dumps(bars))
    else:
        store_bars(bars, place)
    told = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, EXAMPLES / example, place, *SHORT],
        capture_output=True,
        text=True,
        check=True,
    )
    decisions = table_hash(ledger.decisions_table())
    expected = [bars.fingerprint, decisions, ledger.nav.tobytes().hex()]
    assert told.stdout.split() == expected


def test_what_other_processes_open_cannot_be_changed(
    flagship: Prepared, tmp_path: Path
) -> None:
    store_bars(flagship.bars, tmp_path / "bars")
    for again in (
        map_bars(tmp_path / "bars"),
        pickle.loads(pickle.dumps(flagship.bars)),
    ):
        assert again.traded is again.adjusted
        assert not again.close.flags.writeable


def test_a_table_of_text_and_real_shares_are_stored_too(tmp_path: Path) -> None:
    bars = make_bars({"A": [1.0, 2.0, 3.0], "B": [1.0, 2.0, 3.0]})
    texts = np.array([[None, None], ["x", None]], dtype=object)
    bars = replace(
        bars,
        traded=Prices(*(2 * bars.adjusted.field(name) for name in FIELDS)),
        tables={"sector": Table(texts, np.array([0, 1, 1]))},
        members=np.array([[True, False]] * 3),
        notes=("a note",),
    )
    store_bars(bars, tmp_path)
    again = map_bars(tmp_path)
    assert again.fingerprint == bars.fingerprint
    assert again.table("sector").tolist() == bars.table("sector").tolist()
    assert again.notes == ("a note",)
    np.testing.assert_array_equal(again.traded.close, 2 * again.close)


def test_a_folder_without_bars_is_refused(flagship: Prepared, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no bars, or not all of them"):
        map_bars(tmp_path)
    store_bars(flagship.bars, tmp_path)
    (tmp_path / "adjusted.close.npy").unlink()
    with pytest.raises(DataError, match=r"adjusted.close.npy"):
        map_bars(tmp_path)


def test_bars_with_tables_go_through_pickle() -> None:
    bars = prepare(load_config(EXAMPLES / "credit_spread.yaml", SHORT)).bars
    again = pickle.loads(pickle.dumps(bars))
    assert again.fingerprint == bars.fingerprint
    assert set(again.tables) == {"aaa", "baa"}
    assert not again.tables["aaa"].values.flags.writeable


# -- pipelines in sequence -------------------------------------------------------------------------


def later(flagship: Prepared) -> Prepared:
    return flagship.changed(
        {"strategy.fast": 20, "overlays.0.annual": 0.2, "schedule": "week"}
    )


def until_bar(ledger: Ledger, t: int) -> list[object]:
    """Return all that a ledger says of decisions, fills and NAV up to bar ``t``."""
    decisions = [
        (one.bar, one.target.tobytes(), str(one.memos), one.traded.tobytes())
        for one in ledger.decisions
        if one.bar <= t
    ]
    fills = [
        (one.bar, one.assets.tolist(), one.filled.tobytes(), one.price.tobytes())
        for one in ledger.fills
        if one.bar <= t
    ]
    return [decisions, fills, ledger.nav[: t + 1].tobytes()]


def test_a_sequence_is_its_first_configuration_up_to_the_bound(
    flagship: Prepared,
) -> None:
    bound = flagship.bars.start + 700
    both = play(flagship, [(bound, later(flagship))])
    assert until_bar(both, bound - 1) == until_bar(play(flagship), bound - 1)
    assert until_bar(both, bound + 100) != until_bar(play(flagship), bound + 100)


def test_from_the_bound_on_the_later_one_decides_by_its_own_schedule(
    flagship: Prepared,
) -> None:
    bound = flagship.bars.start + 700
    other = later(flagship)
    both, alone = play(flagship, [(bound, other)]), play(other)
    bars = [one.bar for one in both.decisions if one.bar >= bound]
    assert bars == [one.bar for one in alone.decisions if one.bar >= bound]
    for one, its_own in zip(both.decisions[::-1], alone.decisions[::-1], strict=False):
        if one.bar < bound:
            break
        # on another account, the same signals and, of stages that read no account, weights
        np.testing.assert_array_equal(one.signal, its_own.signal)
        np.testing.assert_array_equal(one.stages[0], its_own.stages[0])


@pytest.mark.parametrize("t", [690, 700, 705, 900])
def test_a_sequence_knows_nothing_of_what_comes_after(
    flagship: Prepared, t: int
) -> None:
    bound, last = flagship.bars.start + 700, flagship.bars.start + t
    whole = play(flagship, [(bound, later(flagship))])
    cut = replace(flagship, bars=until(flagship.bars, last))
    then = [(bound, later(cut))] if bound < len(cut.bars) else []
    assert until_bar(play(cut, then), last) == until_bar(whole, last)


def test_a_later_configuration_may_have_other_stages(flagship: Prepared) -> None:
    bound = flagship.bars.start + 300
    other = flagship.changed({"sizer": "equal_weight", "overlays": [GUARD]})
    table = play(flagship, [(bound, other)]).decisions_table()
    early = table["time"] < flagship.bars.index[bound]
    names = ["overlay_1_volatility_target", "overlay_1_drawdown_guard"]
    assert [name for name in table if name.startswith("overlay")] == names
    assert table.loc[early, names[0]].notna().all()
    assert table.loc[~early, names[0]].isna().all()
    assert table.loc[~early, names[1]].notna().all()


def test_memos_go_on_where_name_and_path_are_the_same(flagship: Prepared) -> None:
    guarded = flagship.changed({"overlays": [GUARD], "schedule": "week"})
    bound = guarded.bars.start + 700
    alone = play(guarded)
    again = play(guarded, [(bound, guarded.changed({"strategy.fast": 50}))])
    assert until_bar(again, len(guarded.bars)) == until_bar(alone, len(guarded.bars))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"broker.cash": 1.0}, "then: broker differs, which belongs to the account"),
        ({"limits.name": 0.5}, "then: limits differs"),
        ({"exits": [{"use": "stop_loss", "loss": 0.1}]}, "then: exits differs"),
    ],
)
def test_another_account_cannot_go_on(
    flagship: Prepared, change: dict[str, object], text: str
) -> None:
    bound = flagship.bars.start + 10
    with pytest.raises(ConfigError, match=text):
        play(flagship, [(bound, flagship.changed(change))])


def test_bars_of_a_sequence_rise_and_are_those_of_the_first(flagship: Prepared) -> None:
    start = flagship.bars.start
    with pytest.raises(ConfigError, match=rf"from bar {start}; expected one after"):
        play(flagship, [(start, flagship)])
    with pytest.raises(ConfigError, match="expected one after"):
        play(flagship, [(start + 9, flagship), (start + 9, flagship)])
    other = replace(flagship, bars=until(flagship.bars, start + 50))
    with pytest.raises(ConfigError, match="holds bars of its own"):
        play(flagship, [(start + 9, other)])
