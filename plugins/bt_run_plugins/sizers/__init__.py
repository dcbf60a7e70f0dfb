"""Sizers: turn signals into target weights."""
