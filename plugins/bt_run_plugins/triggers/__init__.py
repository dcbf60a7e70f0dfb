"""Triggers: which decisions are traded."""
