"""Matplotlib style and pages shared by the figures of all reports."""
