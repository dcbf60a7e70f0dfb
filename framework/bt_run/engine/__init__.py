"""Backtrader's event engine, hosting the pipeline (panel mode) or any ``bt.Strategy`` (classic
mode).
"""
