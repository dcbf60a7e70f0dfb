"""The overlay supervisor: a learned confidence that blends with a defensive book."""
