"""Convex problems shared by sizers: programs, solvers, the accuracy contract, relaxation."""
