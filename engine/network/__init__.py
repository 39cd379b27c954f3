"""Holds everything with parameters: encoded positions in, policy and value out."""
