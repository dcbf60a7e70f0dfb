"""The store on disk: its manifest, its files, packs of it."""
