"""The example of a sweep, with fewer of its cells."""

import json
import shutil

import pytest
from kit.places import EXAMPLES

from bt_run.cli.entry import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of the sweep that the example makes."""
    place = tmp_path_factory.mktemp("sweep")
    for name in ("spy_qqq.yaml", "spy_qqq_sweep.yaml"):
        shutil.copy(EXAMPLES / name, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BT_RUN_NO_LEDGER")
        patch.chdir(place)
        over = "{strategy.fast: [20, 50, 100], strategy.slow: [100, 200], "
        over += "overlays.0.annual: [0.08, 0.12, 0.2]}"
        words = ["--set", f"sweep.over={over}", "--executor", "serial"]
        assert main(["sweep", "spy_qqq_sweep.yaml", *words]) == 0
    (found,) = (place / "runs/spy_qqq_sweep/sweeps").glob("*/sweep.json")
    return found.parent


def test_its_page_carries_the_count_of_trials(folder):
    facts = json.loads((folder / "sweep.json").read_text())
    page = (folder / "sweep.html").read_text()
    assert facts["counts"] == {"ok": 15}
    assert facts["trial"]["of"] == 15
    assert facts["trial"]["overfitting"] is not None
    assert f'<p class="trials">{facts["sentence"]}</p>' in page
    assert "In the windows after, the chosen stood on rank " in page


def test_its_page_has_a_map_for_each_pair_of_keys(folder):
    page = (folder / "sweep.html").read_text()
    for one, other in (
        ("strategy.fast", "strategy.slow"),
        ("strategy.fast", "overlays.0.annual"),
        ("strategy.slow", "overlays.0.annual"),
    ):
        assert f"{one} down, {other} across" in page
