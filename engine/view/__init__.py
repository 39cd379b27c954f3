"""See it think: the recursion, the attention and the policy of a position, on a local page and as files."""
