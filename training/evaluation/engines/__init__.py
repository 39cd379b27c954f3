"""Runs UCI and xboard engines in their own processes, within the limits set for each move."""
