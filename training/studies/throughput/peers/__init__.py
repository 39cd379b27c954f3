"""Implements other ways to generate games, as yardsticks; nothing that learns or plays needs them."""
