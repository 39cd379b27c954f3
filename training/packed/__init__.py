"""Packed sets of labelled positions, and the batches drawn from them on the host and on the device."""
