"""Executors: where the cells of a sweep are played."""
