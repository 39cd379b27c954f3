"""Runs a web server for one person on one machine: fixed files, GET pages and POST calls with JSON.

It listens on 127.0.0.1 only. A request must name this server in `Host`, which stops a foreign name that resolves to
127.0.0.1 (DNS rebinding), and its `Origin`, if it has one, must be this server, which stops other web sites. Calls take
`application/json` only, which no form of another site can send. Files are looked up in a table that is made when the
server starts, so a path is never opened. Every refusal is JSON: {"error": "expected …, got …"}.
"""

import http.server
import json
import socketserver
import sys
import traceback
import webbrowser
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

MAX_BODY = 256 * 1024  # bytes
_MOST_DISCARDED = 8 * 1024 * 1024  # bytes of a body that is too large
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS = {
    # Style attributes are allowed, style elements are not: the chess board places dragged pieces with them.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Reply(NamedTuple):
    """Holds the content of an answer."""

    content_type: str
    body: bytes


class RequestError(ValueError):
    """The request is refused; the text is one line.

    Args:
      status: 4xx.
      text: what was expected and what came.
    """

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Site(NamedTuple):
    """Lists what a server offers, by path."""

    files: Mapping[str, Reply]
    pages: Mapping[str, Callable[[Mapping[str, str]], Reply]]  # GET, with the query
    calls: Mapping[str, Callable[[dict[str, Any]], Reply]]  # POST, with the body


def json_reply(content: Any) -> Reply:
    """Returns a value as a reply."""
    return Reply("application/json", json.dumps(content, allow_nan=False, separators=(",", ":")).encode())


def files_below(folder: Path) -> dict[str, Reply]:
    """Returns every file below a folder whose kind is served, by path; `/` is index.html."""
    files = {
        "/" + path.relative_to(folder).as_posix(): Reply(_CONTENT_TYPES[path.suffix], path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _CONTENT_TYPES
    }
    return {**files, "/": files["/index.html"]}


class LocalServer(http.server.ThreadingHTTPServer):
    """Serves a site; `serve_forever` runs it, `shutdown` and `server_close` end it.

    Args:
      site: its files, pages and calls.
      port: 0 for a free one.
    """

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = sys.platform != "win32"  # where it would let two servers share a port

    def __init__(self, site: Site, port: int = 0) -> None:
        self.site = site
        super().__init__(("127.0.0.1", port), _Handler)
        self.hosts = tuple(f"{name}:{self.server_address[1]}" for name in ("127.0.0.1", "localhost"))
        self.url = f"http://{self.hosts[0]}/"

    def server_bind(self) -> None:
        """Binds without asking the name service who 127.0.0.1 is, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def show(self, fragment: str = "", *, opens_browser: bool) -> None:
        """Prints the address, opens it in a browser if asked to, and serves until interrupted.

        Args:
          fragment: state that the page begins with, as it writes states into its address.
          opens_browser: whether to open the address.
        """
        address = self.url + (f"#{fragment}" if fragment else "")
        print(f"{address}\nCtrl-C ends", flush=True)
        try:
            if opens_browser:
                webbrowser.open(address)
            self.serve_forever()
        finally:
            self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports what went wrong, unless the client just went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: LocalServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # s, of an idle or stalled connection

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, find: Callable[[str], Reply]) -> None:
        try:
            self._check_caller()
            reply = find(urlsplit(self.path).path)
        except RequestError as error:
            self.send_error(error.status, str(error))
            return
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its terminal says how")
            return
        self._send(HTTPStatus.OK, reply)

    def _check_caller(self) -> None:
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host.lower() not in self.server.hosts:
            raise RequestError(HTTPStatus.FORBIDDEN, f"expected Host {self.server.hosts[0]}, got {host[:100]!r}")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in self.server.hosts}:
            raise RequestError(HTTPStatus.FORBIDDEN, f"expected a request of this page, got Origin {origin[:100]!r}")

    def _get(self, path: str) -> Reply:
        site = self.server.site
        if path in site.files:
            return site.files[path]
        if path in site.pages:
            query = parse_qs(urlsplit(self.path).query, max_num_fields=20)
            return site.pages[path]({name: values[-1] for name, values in query.items()})
        if path in site.calls:
            raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, f"expected POST for {path}, got GET")
        raise _unknown(path)

    def _post(self, path: str) -> Reply:
        site = self.server.site
        if path in site.calls:
            return site.calls[path](self._body())
        self.close_connection = True  # the body was not read
        if path in site.files or path in site.pages:
            raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, f"expected GET for {path[:100]}, got POST")
        raise _unknown(path)

    def _body(self) -> dict[str, Any]:
        """Reads a JSON object."""
        self.close_connection = True  # unless the body is read to its end
        kind, length = self.headers.get_content_type(), self.headers.get("Content-Length", "")
        if kind != "application/json":
            raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected application/json, got {kind[:100]!r}")
        if "Transfer-Encoding" in self.headers or not length:
            raise RequestError(HTTPStatus.LENGTH_REQUIRED, "expected Content-Length, got none")
        if not (length.isascii() and length.isdigit()):
            raise RequestError(HTTPStatus.BAD_REQUEST, f"expected Content-Length as a number, got {length[:100]!r}")
        if len(length) > 12 or int(length) > MAX_BODY:
            # Closing on a client that still sends would take the answer from it.
            self.rfile.read(min(int(length[:12]), _MOST_DISCARDED))
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {MAX_BODY} bytes, got more")
        raw = self.rfile.read(int(length))
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        try:
            content = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, f"expected JSON, got something else: {error}") from None
        if not isinstance(content, dict):
            raise RequestError(HTTPStatus.BAD_REQUEST, f"expected a JSON object, got {type(content).__name__}")
        return content

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Sends a refusal as JSON; also called by the standard library for requests it cannot read."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # what the standard library says to a method without a function
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, f"expected GET, HEAD or POST, got {self.command[:100]!r}"
        if status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
            self.close_connection = True
        text = " ".join((message or explain or status.phrase).split())
        self._send(status, json_reply({"error": text}))

    def _send(self, status: HTTPStatus, reply: Reply) -> None:
        self.send_response(status)
        headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), **_HEADERS}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal belongs to the person."""


def _unknown(path: str) -> RequestError:
    return RequestError(HTTPStatus.NOT_FOUND, f"expected a path of this server, got {path[:100]!r}")
