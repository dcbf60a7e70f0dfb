"""What holds for every test: hypothesis knows no clock, since a loaded machine is no fault, and no
run is a trial, unless the test says so.
"""

import os

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
os.environ["BT_RUN_NO_LEDGER"] = "1"
