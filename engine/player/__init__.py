"""Chooses moves: one evaluation of a position, read by a few rules; nothing searches."""
