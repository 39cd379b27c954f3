"""Reads the files that people have: games, positions and puzzles, in any common encoding and compression."""
