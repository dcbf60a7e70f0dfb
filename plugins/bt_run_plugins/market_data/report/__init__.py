"""The page about the data: coverage and findings."""
