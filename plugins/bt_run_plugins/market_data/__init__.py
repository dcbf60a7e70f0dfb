"""Market data: a store of what was fetched, its validation, and the sources that read it."""
