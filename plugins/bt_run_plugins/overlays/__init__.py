"""Overlays: change target weights."""
