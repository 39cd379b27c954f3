"""Measures a player without an equal opponent: regret, puzzles, conversion of won endings."""
