"""What holds for every test: hypothesis knows no clock, since a loaded machine is no fault."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
