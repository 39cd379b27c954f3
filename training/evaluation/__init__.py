"""Measures how well a player plays: regret, puzzles, and paired games with an Elo error bar.

`measures` asks any `MoveChooser` for moves, `match` plays two `MatchPlayer`s against each other and turns
their results into a rating difference, `engines` runs UCI and xboard engines as players.
"""
