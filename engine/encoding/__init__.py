"""Chess boards as arrays, for NumPy and JAX alike; nothing here imports JAX."""
