"""A training run in its folder: plan, clock, schedule, checkpoints, log, and the loop of every run."""
