"""An HTTP server on a free port of loopback that can hang, refuse, and lose answers."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from harness.ports import free_port

_ATTEMPTS = 10


class Request(NamedTuple):
    """As it arrived; `target` is the path with its query, nothing decoded."""

    method: str
    target: str
    headers: Message
    body: bytes


class Response(NamedTuple):
    status: int
    body: bytes = b""
    headers: dict[str, str] = {}


class Endpoint:
    """Serves until it is closed. `answer` runs in a thread per connection; None from it ends the
    connection without an answer."""

    def __init__(self, answer: Callable[[Request], Response | None],
                 now: Callable[[], datetime]) -> None:
        self._server = _Server(answer, now)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread: threading.Thread | None = None
        self._serve()

    def hang(self) -> None:
        """From now on requests are read, and not answered."""
        self._server.answering.clear()

    def refuse(self) -> None:
        """From now on nobody listens; open connections break. The port stays ours."""
        self._stop()
        self._server.drop_connections()

    def recover(self) -> None:
        """Ends `hang` and `refuse`. Requests that hung are never answered."""
        self._server.answering.set()
        if self._thread is None:
            self._server.socket.listen(self._server.request_queue_size)
            self._serve()

    def close(self) -> None:
        self._stop()
        self._server.server_close()
        self._server.answering.set()
        self._server.drop_connections()

    def _serve(self) -> None:
        self._server.listening = True
        self._thread = threading.Thread(target=self._server.accept_all, daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        if self._thread is not None:
            self._server.listening = False
            self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
            self._thread.join()
            self._thread = None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Response | None],
                 now: Callable[[], datetime]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.answer = answer
        self.now = now
        self.answering = threading.Event()
        self.answering.set()
        self.listening = False
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._bind()
        self.server_activate()

    def _bind(self) -> None:
        """A port that was asked for by number stays bound while nobody listens."""
        for left in reversed(range(_ATTEMPTS)):
            self.server_address = ("127.0.0.1", free_port())
            try:
                self.server_bind()
                return
            except OSError:  # somebody else was quicker
                if left == 0:
                    self.server_close()
                    raise

    def accept_all(self) -> None:
        while self.listening:
            self.handle_request()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a mistake of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            self.send_error(400)
            return
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        waits = not self.server.answering.is_set()
        self.server.answering.wait()
        response = None if waits else self.server.answer(request)
        if response is None:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        date = format_datetime(self.server.now(), usegmt=True)
        headers = {"Date": date, "Content-Length": str(len(response.body))}
        for name, value in (headers | response.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve

    def log_message(self, *_: object) -> None:
        pass


