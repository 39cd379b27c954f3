"""The commands that learn and measure: they parse arguments and make one call each."""
