"""Studies: sweeps, their report, and the ledger of trials."""
