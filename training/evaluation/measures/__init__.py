"""Figures of a player that need no opponent: regret, puzzles, conversion of won endings."""
