"""A run in its phases: configuration, building, preparing, playing, baselines, outcome."""
