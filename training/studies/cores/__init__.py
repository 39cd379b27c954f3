"""Compares the cores of the network: what each learns from the same data at equal cost, and its cost."""
