"""Plays paired games between two players: openings, Elo, the sequential test, PGN, and the ladder."""
