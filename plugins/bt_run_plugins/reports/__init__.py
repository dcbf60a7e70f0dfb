"""Reports: files about a result."""
