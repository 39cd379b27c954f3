"""Holds studies that nothing else depends on: comparisons of cores, races, what iterations are used for."""
