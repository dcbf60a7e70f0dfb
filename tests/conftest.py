"""What holds for every test: hypothesis knows no clock, since a loaded machine is no fault, and no
run is a trial, unless the test says so.
"""

import os
from functools import cache

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
os.environ["BT_RUN_NO_LEDGER"] = "1"


@pytest.fixture(scope="session")
def run_of_kind(tmp_path_factory):
    """Return a function that plays a run of one of the kinds in ``kit.kinds``, each once."""
    from kit.kinds import play_kind  # other tests need no backtest

    @cache
    def play(kind):
        return play_kind(kind, tmp_path_factory.mktemp(kind))

    return play
