"""Shows the network think: recursion, attention and policy of a position, on a local page and in files."""
