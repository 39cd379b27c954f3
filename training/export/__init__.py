"""Turns a training run into a network's folder that plays."""
