"""Measures how well a player plays: regret, puzzles, and paired games with an Elo error bar.

`regret` and `puzzles` ask any `MoveChooser` for moves, `match` plays two `MatchPlayer`s against each
other, `elo` turns results into a rating difference; `training/commands/measure.py` is the command line.
"""
