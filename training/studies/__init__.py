"""Comparisons and races that nothing else depends on."""
