"""Reads the files that people have: games (PGN), in any of their encodings and compressions."""
