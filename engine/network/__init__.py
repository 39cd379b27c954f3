"""Everything that has parameters: encoded positions in, policy and value out."""
