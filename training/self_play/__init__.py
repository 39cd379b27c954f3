"""Learns by self-play: games, replay, network and update as one compiled program on the device."""
