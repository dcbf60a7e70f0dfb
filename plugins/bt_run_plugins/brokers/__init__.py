"""Brokers: what a simulated fill costs."""
