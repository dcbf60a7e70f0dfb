"""The configuration of a run, and what may be wrong with it."""
