"""Learns from labelled positions: settings, losses, optimisers, the compiled update and the run."""
