"""Addresses for groups of processes on this machine."""

import socket


def free_address() -> str:
    """Returns `host:port` that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"
