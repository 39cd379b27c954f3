"""The Universal Chess Interface: text commands in, evaluations and moves out."""
