"""Studies what the iterations of a network are used for, and what other stopping rules would cost."""
