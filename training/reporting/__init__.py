"""Watches training runs through the figures they write: on the terminal, on a page, as plots."""
