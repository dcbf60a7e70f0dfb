"""Does a decision use the future? Made futures, and what they change. Pure."""
