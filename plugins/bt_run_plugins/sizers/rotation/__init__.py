"""Rotation: from scores to a basket of the best names, by rules."""
