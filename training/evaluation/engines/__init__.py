"""UCI and xboard engines in processes of their own, and what they may spend on a move."""
