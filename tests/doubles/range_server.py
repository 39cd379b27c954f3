"""A web server of a folder's files that gives ranges of bytes, and notes what was asked for."""

import contextlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple


class Served(NamedTuple):
    """A running server."""

    address: str
    requests: list[tuple[str, int]]  # path and bytes sent


@contextlib.contextmanager
def range_server(folder: Path, ranges: bool = True) -> Iterator[Served]:
    """Serves a folder on this machine while the block runs.

    Args:
      folder: whose files are served.
      ranges: False: every answer is the whole file.
    """
    requests: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            data = path.read_bytes() if path.is_file() else b""
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if ranges else None
            if asked:
                data = data[int(asked[1]) : int(asked[2]) + 1]
            self.send_response(206 if asked else 200 if path.is_file() else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            requests.append((self.path, len(data)))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
