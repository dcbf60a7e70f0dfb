"""Rotation as one convex problem: from scores to a basket by the same keys."""
