"""Paired games between two players: openings, clocks, Elo, the sequential test, PGN, and the ladder."""
