"""The local server: who may ask, what is refused and how, and that no path is ever opened."""

import http.client
import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from engine.view.local_server import MAX_BODY, LocalServer, RequestError, Site, files_below, json_reply
from tests.doubles.talk_http import ask, call, send_raw, serving


def refuse(_body: object) -> None:
    raise RequestError(HTTPStatus.CONFLICT, "expected peace, got war")


def fail(_body: object) -> None:
    raise RuntimeError("a secret of the server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("outer") / "static"
    (folder / "sub").mkdir(parents=True)
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "index.html").write_text("<p>page</p>")
    (folder / "sub" / "part.js").write_text("1")
    (folder / "notes.py").write_text("not served")
    calls = {"/api/echo": json_reply, "/api/refuse": refuse, "/api/fail": fail}
    site = Site(files_below(folder), {"/api/query": lambda query: json_reply(dict(query))}, calls)  # type: ignore[arg-type]
    with serving(site) as running:
        yield running


def test_listens_on_the_loopback_interface_only(server: LocalServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    with socket.socket() as other, pytest.raises(OSError):
        other.settimeout(2)
        # Another address of this same machine reaches nothing.
        other.connect(("127.0.0.2", server.server_address[1]))


def test_serves_its_files_with_their_kind_and_a_strict_policy(server: LocalServer) -> None:
    page = ask(server, "GET", "/")
    assert (page.status, page.body) == (200, b"<p>page</p>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "style-src 'self';" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in page.headers
    assert ask(server, "GET", "/sub/part.js").headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%5c..%5csecret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/notes.py",
        "/sub",
        "/sub/",
        "/" + "a" * 5000,
    ],
)
def test_no_other_path_exists(server: LocalServer, path: str) -> None:
    answer = ask(server, "GET", path)
    assert answer.status == 404
    assert answer.json()["error"].startswith("expected a path of this server")
    assert b"secret" not in answer.body.replace(path.encode(), b"")


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", ""]
)
def test_a_foreign_host_is_refused(server: LocalServer, host: str) -> None:
    name = host.format(port=server.server_address[1])
    for method, path, body in (("GET", "/", None), ("POST", "/api/echo", b"{}")):
        answer = ask(server, method, path, body, {"Host": name})
        assert answer.status == 403 and "expected Host" in answer.json()["error"]


@pytest.mark.parametrize("origin", ["http://example.org", "https://127.0.0.1:{port}", "null", "http://127.0.0.1:1", ""])
def test_a_foreign_origin_is_refused(server: LocalServer, origin: str) -> None:
    name = origin.format(port=server.server_address[1])
    answer = ask(server, "POST", "/api/echo", b"{}", {"Origin": name})
    assert answer.status == 403 and "Origin" in answer.json()["error"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_names_are_accepted(server: LocalServer, name: str) -> None:
    host = f"{name}:{server.server_address[1]}"
    answer = ask(server, "POST", "/api/echo", b'{"a": 1}', {"Host": host, "Origin": f"http://{host}"})
    assert (answer.status, answer.json()) == (200, {"a": 1})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/echo", 405), ("POST", "/", 405), ("POST", "/api/query", 405), ("POST", "/nowhere", 404)],
)
def test_a_wrong_method_is_refused(server: LocalServer, method: str, path: str, status: int) -> None:
    body = b"{}" if method == "POST" else None
    answer = ask(server, method, path, body)
    assert answer.status == status and "expected" in answer.json()["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
def test_an_unknown_method_is_refused(server: LocalServer, method: str) -> None:
    answer = ask(server, method, "/")
    assert answer.status == 405 and "expected GET, HEAD or POST, got" in answer.json()["error"]


def test_only_the_head_of_a_file_is_sent_if_asked_for(server: LocalServer) -> None:
    answer, whole = ask(server, "HEAD", "/"), ask(server, "GET", "/")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == whole.headers["content-length"]
    assert ask(server, "HEAD", "/nowhere").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[1]", 400),
        (b"null", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"a": ' + b"9" * 10_000 + b"}", 400),
        (b" " * (MAX_BODY + 1), 413),
        (b" " * (6 * MAX_BODY), 413),
    ],
)
def test_a_bad_body_is_refused(server: LocalServer, body: bytes, status: int) -> None:
    answer = ask(server, "POST", "/api/echo", body)
    assert answer.status == status and "expected" in answer.json()["error"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_can_send_is_refused(server: LocalServer, kind: str) -> None:
    assert ask(server, "POST", "/api/echo", b"{}", {"Content-Type": kind}).status == 415


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"X: y", b"411"),
        (b"Content-Length: -1", b"400"),
        (b"Content-Length: two", b"400"),
        (b"Content-Length: 99999999999999999999", b"413"),
    ],
)
def test_a_bad_length_is_refused(server: LocalServer, header: bytes, status: bytes) -> None:
    host = server.hosts[0].encode()
    request = b"POST /api/echo HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n%b\r\n\r\n{}" % (host, header)
    assert send_raw(server, request).split()[1] == status


@pytest.mark.parametrize("data", [b"", b"\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_not_http_does_no_harm(server: LocalServer, data: bytes) -> None:
    send_raw(server, data)
    assert ask(server, "GET", "/").status == 200


def test_a_refusal_of_a_call_keeps_its_status(server: LocalServer) -> None:
    answer = call(server, "/api/refuse", {})
    assert (answer.status, answer.json()) == (409, {"error": "expected peace, got war"})


def test_a_failure_of_a_call_says_nothing_of_the_inside(server: LocalServer, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(server, "/api/fail", {})
    assert answer.status == 500 and b"secret" not in answer.body
    assert "a secret of the server" in capfd.readouterr().err


def test_one_connection_serves_many_requests(server: LocalServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    for number in range(3):
        connection.request("POST", "/api/echo", json.dumps({"n": number}), {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read()) == {"n": number}
        connection.request("GET", "/nowhere")
        assert connection.getresponse().read()
    connection.close()


def test_the_query_of_a_page(server: LocalServer) -> None:
    assert ask(server, "GET", "/api/query?a=1&a=2&b=%20").json() == {"a": "2", "b": " "}


def test_the_shipped_page_is_whole() -> None:
    from engine.view import local_server

    folder = Path(local_server.__file__).with_name("static")
    files = files_below(folder)
    for name in ("/", "/view.js", "/view.css", "/cm-chessboard/src/Chessboard.js", "/cm-chessboard/LICENSE.txt"):
        assert files[name].body
    everything = b"".join(reply.body for name, reply in files.items() if "cm-chessboard" not in name)
    # Works offline: nothing is fetched from elsewhere.
    assert b"https://" not in everything and b"//cdn" not in everything
