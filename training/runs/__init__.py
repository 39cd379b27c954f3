"""A training run in its folder: plan, clock, learning-rate schedule, checkpoints and log."""
