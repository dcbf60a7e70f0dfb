"""The laws of every run, for the tracker: no future, no order of names, no process, no past."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from kit import market as made
from kit.places import EXAMPLES

from bt_run import RunConfig, load_config, run

NAMES = made.NAMES
EXAMPLE = EXAMPLES / "track_sp500.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made.write(made.market(), tmp_path_factory.mktemp("market"))


def config(
    folder, *, assets=None, start="2001-06-04", end="2003-12-31", **sizer
) -> RunConfig:
    data = {
        "source": {"use": "parquet", "path": str(folder), "prices": "as_traded"},
        "assets": assets or {name: name for name in NAMES},
        "benchmark": "INDEX",
        "calendar": "24/5",
        "start": start,
        "end": end,
    }
    options = {
        "use": "qp_tracker",
        "cap": 0.5,
        "lookback": 120,
        "min_history": 60,
    } | sizer
    return RunConfig(
        name="law", data=data, strategy="buy_and_hold", sizer=options, schedule="week"
    )


def weights(result) -> pd.DataFrame:
    return result.decisions.pivot(index="time", columns="asset", values="sized")


@pytest.mark.parametrize("sizer", [{}, {"turnover": 0.2}], ids=["exact", "osqp"])
def test_the_future_changes_nothing(folder, tmp_path, sizer):
    whole = run(config(folder, **sizer))
    for number, day in enumerate(
        pd.DatetimeIndex(["2002-02-04", "2002-09-16", "2003-05-12"])
    ):
        frames = {}
        for name, frame in made.market().items():
            future = frame["date"] > day
            frame.loc[future, ["open", "high", "low", "close"]] *= (
                1.0 + 0.3 * np.sin(np.arange(future.sum()))[:, None]
            )
            frames[name] = frame
        other = run(config(made.write(frames, tmp_path / str(number)), **sizer))
        stamp = pd.Timestamp(day)
        for name in ("decisions", "memos"):
            one, two = (getattr(r, name) for r in (whole, other))
            pd.testing.assert_frame_equal(
                one[one["time"] <= stamp], two[two["time"] <= stamp], check_exact=True
            )


def test_names_that_sort_the_other_way_get_the_same_weights(folder):
    alias = {f"{len(NAMES) - i}_{name}": name for i, name in enumerate(NAMES)}
    one, other = (
        weights(run(config(folder))),
        weights(run(config(folder, assets=alias))),
    )
    np.testing.assert_allclose(
        other.rename(columns=alias)[list(one.columns)], one, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    ("sizer", "threads"), [({}, "1"), ({"turnover": 0.2}, "2")], ids=["exact", "osqp"]
)
def test_another_process_with_other_threads_writes_the_same_bytes(
    folder, tmp_path, sizer, threads, monkeypatch
):
    one = run(config(folder, end="2002-06-28", **sizer), tmp_path / "one")
    code = (
        "import json, sys; from pathlib import Path; kept = bytearray(int(sys.argv[3]));"
        "from bt_run import RunConfig, run;"
        "run(RunConfig.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]))"
    )
    raw = config(folder, end="2002-06-28", **sizer).model_dump_json()
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
    out = tmp_path / "other"
    subprocess.run([sys.executable, "-c", code, raw, str(out), "12345"], check=True)
    for file in sorted(one.folder.iterdir()):
        assert (
            file.read_bytes() == (out / "law" / one.run_id / file.name).read_bytes()
        ), file.name


def test_a_month_alone_is_the_month_within_the_run():
    """Without a turnover limit the answer has no past: a later start takes the same decisions."""
    long, late = (
        weights(
            run(
                load_config(
                    EXAMPLE,
                    [f"data.start={start}", "data.end=2008-06-30", "reports=[]"],
                )
            )
        )
        for start in ("2006-01-03", "2008-01-02")
    )
    assert len(late) == 6
    np.testing.assert_array_equal(late, long.loc[late.index])


def test_every_month_of_the_example_is_the_optimum_that_cvxpy_finds():
    """The objective of every decision, from its own weights, against the same problem in cvxpy."""
    cp = pytest.importorskip("cvxpy")
    example = load_config(
        EXAMPLE, ["data.start=2005-01-03", "data.end=2007-12-31", "reports=[]"]
    )
    result = run(example)
    from bt_run.backtest.preparing import prepare

    bars = prepare(example).bars
    n, chosen = len(bars.assets), weights(result)
    w, L = cp.Variable(n), cp.Parameter((n, n))
    asked = cp.Problem(cp.Minimize(cp.sum_squares(L @ w) + 1e-9 * cp.sum_squares(w)))
    asked = cp.Problem(asked.objective, [cp.sum(w) == 1, w >= 0, w <= 0.15])
    for time, row in chosen.iterrows():
        t = int(bars.index.tz_localize(None).get_loc(time))
        X = (
            bars.returns[t - 1259 : t + 1]
            - bars.benchmark_returns[t - 1259 : t + 1, None]
        )
        scale = float((X**2).mean())
        L.value = np.linalg.qr(X / np.sqrt(len(X) * scale), mode="r")
        reached = asked.solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
        )
        own = float(((X @ row.to_numpy()) ** 2).mean()) / scale + 1e-9 * float(
            (row**2).sum()
        )
        assert own == pytest.approx(reached, rel=1e-7), time
    assert len(chosen) == 36
    notes = [json.loads(text) for text in result.memos["notes"].dropna()]
    assert all(note["attempts"][0]["accepted"] for note in notes if "attempts" in note)
