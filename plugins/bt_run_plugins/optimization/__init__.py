"""Numerical optimization shared by sizers: matrices, exact and general solvers."""
