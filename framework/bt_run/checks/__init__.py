"""Does a run use data of the future? Replays on bars whose future is missing or another one."""
