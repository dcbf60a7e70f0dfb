"""What a run found out: ledger, metrics, identity, folder, and what can be said of it later."""
