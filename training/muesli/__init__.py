"""Muesli (Hessel et al. 2021): policy improvement by one step of a learned model, without search."""
