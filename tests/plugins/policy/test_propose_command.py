"""The command propose: its files, and one clear error for each thing that cannot be."""

import json
import os
import subprocess
import sys

import pytest
from kit.packs import filled_store
from kit.proposals import PRICES, RATINGS, SECTORS, SHARES

from bt_run.cli.entry import main

pytest.importorskip("sqlalchemy")

MORE = {"MSFT": 160.0, "JPM": 108.0, "SPY": 297.0, "GONE": 20.0}
WEIGHTS = {"AAPL": 0.4, "XOM": 0.2, "JNJ": 0.2, "MSFT": 0.2}


def written(path, head, rows):
    lines = [head, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Return a store's folder and its pack's id: nothing of them is changed by a test."""
    folder = tmp_path_factory.mktemp("store")
    _, pack = filled_store(folder, {**PRICES, **MORE}, ended=("GONE",))
    return folder, pack


@pytest.fixture
def place(tmp_path, packed, monkeypatch):
    """Return a folder with holdings, tables and a policy of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_RUN_POLICY_DB", str(tmp_path / "policies.sqlite"))
    monkeypatch.setenv("BT_RUN_STORE", str(packed[0]))
    written(tmp_path / "h.csv", "symbol,shares", SHARES.items())
    written(
        tmp_path / "ratings.csv", "symbol,rating", [*RATINGS.items(), ("MSFT", 8.5)]
    )
    written(
        tmp_path / "sectors.csv",
        "symbol,sector",
        [*SECTORS.items(), ("MSFT", "Technology")],
    )
    written(tmp_path / "index.csv", "symbol,weight", WEIGHTS.items())
    house(tmp_path, min_quality_score=6.0)
    return tmp_path


def house(folder, **limits):
    rows = [{"id": "house", "lookback": 100, **limits}]
    (folder / "house.json").write_text(json.dumps({"policies": rows}))
    assert main(["policies", "load", str(folder / "house.json")]) == 0


@pytest.fixture
def said(place, packed, capsys):
    """Return a function that runs the command, and gives its code and what it said."""

    def run(*words, policy="house", pack=packed[1]):
        capsys.readouterr()
        code = main(["propose", "h.csv", "--policy", policy, "--pack", pack, *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


RUN = "import sys; from bt_run.cli.entry import main; sys.exit(main(sys.argv[1:]))"
TABLES = ("--ratings", "ratings.csv", "--sectors", "sectors.csv")
BENCHMARK = ("--benchmark-weights", "index.csv")


def test_a_proposal_is_three_files(said, place):
    code, text = said(*TABLES, *BENCHMARK)
    assert code == 0, text
    tree = json.loads((place / "proposal" / "proposal.json").read_text())
    assert tree["status"] == "solved"
    found = {trade["symbol"]: trade for trade in tree["trades"]}
    assert found["XOM"]["delta_shares"] == "-200"
    assert found["XOM"]["reason"] == "quality: 4.5 < 6"
    assert found["AAPL"]["delta_shares"] == "46"
    assert tree["estimated_total_cost"] == "82.14"
    assert tree["cash_after"] == "76.86"
    assert tree["inputs"]["policy"] == "house@1"
    assert set(tree["inputs"]["files_sha256"]) == {
        "holdings",
        "ratings",
        "sectors",
        "benchmark_weights",
    }
    # in the benchmark and not in the universe: no name to hold
    assert "MSFT" not in {one["symbol"] for one in tree["left_alone"]}
    lines = (place / "proposal" / "trades.csv").read_text().splitlines()
    assert len(lines) == 1 + len(tree["trades"])
    page = (place / "proposal" / "proposal.html").read_text()
    assert "quality: 4.5 &lt; 6" in page
    assert "Nothing was executed" in page
    assert "3 trades, 63.42% of the portfolio two-way" in text


def test_a_shadow_price_is_what_solving_again_finds(said, place):
    house(
        place,
        objective="min_tracking_error",
        max_turnover_pct=0.2,
        turnover_convention="one_way",
    )
    code, text = said(*BENCHMARK, "--universe", "index.csv")
    assert code == 3  # a table with a column that nobody reads
    assert "nobody reads the column 'weight'" in text
    written(place / "universe.csv", "symbol", [(name,) for name in WEIGHTS])
    code, text = said(*BENCHMARK, "--universe", "universe.csv")
    assert code == 0, text
    tree = json.loads((place / "proposal" / "proposal.json").read_text())
    (price,) = [
        one for one in tree["shadow_prices"] if one["limit"] == "max_turnover_pct"
    ]
    assert price["figure"] == "tracking error"
    assert price["by"] == pytest.approx(price["solved"], rel=0.2)
    assert "1 point looser max_turnover_pct = " in text
    assert tree["one_way_turnover_pct"] <= 0.2 + 1e-6
    assert tree["te_after"] < tree["te_before"]


def test_what_if_shows_the_difference(said, place):
    house(
        place,
        max_single_position_pct=0.4,
        max_turnover_pct=1,
        turnover_convention="two_way",
    )
    code, text = said("--what-if", "position=0.35", "--cash", "1000")
    assert code == 0, text
    assert "what if: turnover, two-way " in text
    assert "what if: AAPL: " in text or "what if: JNJ: " in text
    tree = json.loads((place / "proposal" / "proposal.json").read_text())
    assert tree["inputs"]["what_if"]


def test_restrictions_are_kept(said, place):
    rows = [("XOM", "lock", 120), ("AAPL", "no-buy", ""), ("JNJ", "no-sell", "")]
    written(place / "r.csv", "symbol,rule,shares", rows)
    house(place, objective="min_variance", invested=[0.0, 1.0])
    code, text = said("--restrict", "r.csv")
    assert code == 0, text
    tree = json.loads((place / "proposal" / "proposal.json").read_text())
    found = {one["symbol"]: one for one in tree["trades"]}
    assert found["XOM"]["target_shares"] == "120"
    assert "JNJ" not in found
    (left,) = [one for one in tree["left_alone"] if one["symbol"] == "JNJ"]
    assert left["reason"] == "restricted: not to be sold"


def test_a_name_without_a_price_of_the_last_session_is_kept(said, place):
    written(place / "h.csv", "symbol,shares", [*SHARES.items(), ("GONE", 500)])
    house(place, objective="min_variance", max_single_position_pct=0.5, lookback=60)
    code, text = said()
    assert code == 0, text
    assert (
        "GONE: no price of the pack's last session (its last is of 2020-02-06)" in text
    )


def test_a_policy_that_cannot_be_kept_says_what_would_do(said, place):
    house(place, min_quality_score=6.0, max_single_position_pct=0.1)
    code, text = said(*TABLES)
    assert code == 4
    assert "it takes max_single_position_pct >= 0.5, or 10 names" in text
    assert not (place / "proposal").exists()
    house(
        place,
        min_quality_score=6.0,
        max_single_position_pct=0.1,
        on_infeasible="hold",
    )
    code, text = said(*TABLES)
    assert code == 0
    assert "0 trades" in text
    house(
        place,
        min_quality_score=6.0,
        max_single_position_pct=0.1,
        on_infeasible={"relax": ["position"]},
    )
    code, text = said(*TABLES)
    assert code == 0
    assert "gave way: max_single_position_pct to 0.5" in text


def test_the_same_inputs_give_the_same_bytes_on_any_number_of_threads(place, packed):
    words = ["propose", "h.csv", "--policy", "house", "--pack", packed[1]]
    words += [*TABLES, *BENCHMARK, "--out"]
    running = []
    for threads in ("1", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        settings = {**os.environ, **dict.fromkeys(names, threads)}
        settings["PYTHONHASHSEED"] = threads
        command = [sys.executable, "-c", RUN, *words, threads]
        process = subprocess.Popen(
            command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        running.append(process)
    for process in running:
        said_by_it, _ = process.communicate()
        assert process.returncode == 0, said_by_it
    found = []
    for threads in ("1", "4"):
        files = sorted((place / threads).iterdir())
        found.append([(file.name, file.read_bytes()) for file in files])
    assert found[0] == found[1]
    assert len(found[0]) == 3


# name of the file that is changed, its content, more words, exit code, what is said
BAD = {
    "unknown ticker": (
        "h.csv",
        "symbol,shares\nAPPL,5\n",
        (),
        3,
        "no price of 'APPL' (did you mean 'AAPL'?); it has AAPL",
    ),
    "negative shares": (
        "h.csv",
        "symbol,shares\nAAPL,-5\n",
        (),
        3,
        "AAPL: -5 shares; expected 0 or more, or a policy with `long_only: false`",
    ),
    "fractions": (
        "h.csv",
        "symbol,shares\nAAPL,5.5\n",
        (),
        3,
        "AAPL: 5.5 shares; expected whole ones, or a policy with `fractional: true`",
    ),
    "no number": (
        "h.csv",
        "symbol,shares\nAAPL,many\n",
        (),
        3,
        "h.csv:2:2: found 'many'; expected shares, a number such as 12.5",
    ),
    "not a number": (
        "h.csv",
        "symbol,shares\nAAPL,nan\n",
        (),
        3,
        "h.csv:2:2: found 'nan'; expected shares",
    ),
    "duplicate row": (
        "h.csv",
        "symbol,shares\nAAPL,5\nXOM,1\nAAPL,7\n",
        (),
        3,
        "h.csv:4:1: 'AAPL' stands in line 2 already; expected one row for each symbol",
    ),
    "two currencies": (
        "h.csv",
        "symbol,shares,currency\nAAPL,5,USD\nXOM,1,EUR\n",
        (),
        3,
        "h.csv:3:3: found 'EUR' beside 'USD'; expected one currency",
    ),
    "no rows": (
        "h.csv",
        "symbol,shares\n",
        (),
        3,
        "h.csv: the file has no rows; expected one for each symbol",
    ),
    "empty": (
        "h.csv",
        "",
        (),
        3,
        "h.csv: the file is empty; expected a header and rows",
    ),
    "no column": (
        "h.csv",
        "symbol,count\nAAPL,1\n",
        (),
        3,
        "h.csv:1: found the columns symbol, count; expected symbol and shares",
    ),
    "no symbol": (
        "h.csv",
        "symbol,shares\n,1\n",
        (),
        3,
        "h.csv:2:1: found nothing; expected a symbol",
    ),
    "missing rating": (
        "ratings.csv",
        "symbol,rating\nAAPL,9\nJNJ,9\n",
        ("--ratings", "ratings.csv"),
        3,
        "ratings: none of XOM, and min_quality_score is 6; give one, or set `unrated: exclude` or "
        "`allow`",
    ),
    "per cent": (
        "index.csv",
        "symbol,weight\nAAPL,57\nXOM,40\n",
        BENCHMARK,
        3,
        "the benchmark's weights sum to 97; expected 1, within 0.001; if these are per cent, they "
        "sum to 0.97: divide by 100",
    ),
    "short of one": (
        "index.csv",
        "symbol,weight\nAAPL,0.57\nXOM,0.4\n",
        BENCHMARK,
        3,
        "the benchmark's weights sum to 0.97; expected 1, within 0.001; nothing is scaled",
    ),
    "unknown rule": (
        "r.csv",
        "symbol,rule\nAAPL,nobuy\n",
        ("--restrict", "r.csv"),
        2,
        "r.csv:2:2: found 'nobuy'; expected one of no-buy, no-sell, lock (did you mean 'no-buy'?)",
    ),
    "too much locked": (
        "r.csv",
        "symbol,rule,shares\nAAPL,lock,500\n",
        ("--restrict", "r.csv"),
        2,
        "restrictions: 500 shares of AAPL are locked, and 100 are held",
    ),
    "lock of nothing": (
        "r.csv",
        "symbol,rule\nAAPL,lock\n",
        ("--restrict", "r.csv"),
        3,
        "r.csv:2:2: found 'lock' without shares",
    ),
    "restricted stranger": (
        "r.csv",
        "symbol,rule\nMSFT,no-buy\n",
        ("--restrict", "r.csv"),
        2,
        "restrictions: 'MSFT' is neither held nor in the universe",
    ),
    "cash": (
        "r.csv",
        "",
        ("--cash", "much"),
        2,
        "--cash was 'much'; expected money such as 1250.00",
    ),
    "what if": (
        "r.csv",
        "",
        (*TABLES, "--what-if", "positon=0.2"),
        2,
        "--what-if was 'positon=0.2'; expected KEY=VALUE with a key of the policy (did you mean "
        "'position'?)",
    ),
    "what if in per cent": (
        "r.csv",
        "",
        (*TABLES, "--what-if", "position=20"),
        2,
        "a fraction is expected: found 20, which is 2000%; write 0.2 for 20 %",
    ),
    "old pack": (
        "r.csv",
        "",
        ("--on", "2020-03-20"),
        3,
        "is as of 2020-03-06, 14 days before 2020-03-20; expected at most 0: set --max-age",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_is_refused_in_one_clear_sentence(said, place, what):
    file, content, words, code, expected = BAD[what]
    (place / file).write_text(content)
    if what not in ("missing rating", "what if", "what if in per cent"):
        house(place, unrated="allow")
    found, text = said(*words)
    assert found == code, text
    assert expected in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("limits", "words", "code", "expected"),
    [
        (
            {"max_tracking_error_pct": 0.02},
            (),
            2,
            "max_tracking_error_pct 0.02 needs a benchmark: its weights, or its returns; found "
            "neither",
        ),
        (
            {"objective": "min_tracking_error"},
            (),
            2,
            "objective: min_tracking_error needs a benchmark",
        ),
        ({"max_sector_pct": 0.5}, (), 2, "there is no table of sectors"),
        (
            {"sector_caps": {"Utilities": 0.1}},
            TABLES,
            3,
            "sector_caps.Utilities: no name is in this sector; found Energy, Health Care, "
            "Technology",
        ),
        (
            {
                "objective": "max_sharpe",
                "risk_free_rate": 0.5,
                "expected_returns": "capm",
            },
            (*BENCHMARK, "--benchmark", "SPY"),
            4,
            "expected to earn more than the risk-free rate 50.00%",
        ),
        (
            {"objective": "max_utility", "expected_returns": "views"},
            (),
            2,
            "expected_returns: views needs a table of expected returns; found none",
        ),
    ],
)
def test_a_policy_needs_what_it_limits(said, place, limits, words, code, expected):
    if "risk_free_rate" in limits:
        limits = {**limits, "market_premium": -0.5}
    house(place, **limits)
    found, text = said(*words)
    assert found == code, text
    assert expected in text


def test_unknown_policies_versions_and_packs_are_refused(said):
    code, text = said(policy="hose")
    assert (code, "did you mean 'house'?" in text) == (2, True)
    code, text = said(policy="house@7")
    assert (code, "house has no version '7'; found 1" in text) == (2, True)
    code, text = said(pack="0000")
    assert (code, "no pack '0000'" in text) == (3, True)


def test_a_limit_below_its_floor_is_refused_when_it_is_stored(place, capsys):
    rows = [
        {
            "id": "house",
            "min_single_position_pct": 0.3,
            "max_single_position_pct": 0.2,
        }
    ]
    (place / "bad.json").write_text(json.dumps({"policies": rows}))
    assert main(["policies", "load", "bad.json"]) == 2
    assert "expected min <= max" in capsys.readouterr().err
