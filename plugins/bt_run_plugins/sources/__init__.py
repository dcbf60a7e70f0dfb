"""Sources: where prices come from."""
