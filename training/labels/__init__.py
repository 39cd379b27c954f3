"""Labels positions: takes them from their sources, has a teacher value them, and reads and writes the labels."""
