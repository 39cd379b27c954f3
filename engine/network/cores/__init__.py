"""The cores: what each repeats, with its settings and mechanisms."""
