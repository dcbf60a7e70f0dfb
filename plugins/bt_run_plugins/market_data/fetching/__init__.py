"""Raw rows into the store: from Yahoo, from files, from the sample."""
