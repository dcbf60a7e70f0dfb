"""Exits: prices at which a holding is closed between decisions."""
