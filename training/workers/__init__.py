"""Workers that share one job of work: processes of this machine, or of a Ray cluster."""
