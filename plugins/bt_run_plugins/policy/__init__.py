"""Policies: limits that somebody wrote down, kept by version in a database."""
