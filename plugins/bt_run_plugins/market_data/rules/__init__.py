"""Rules that say what may be wrong with prices, and the findings they make."""
