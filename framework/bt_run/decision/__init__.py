"""Decisions: state, signals, pipeline, limits. Pure; backtest, paper and live share it."""
