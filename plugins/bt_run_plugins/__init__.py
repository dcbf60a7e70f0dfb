"""The built-in components, one file each, on the same public hooks as everybody's plugins."""
