"""Serves ``/metrics`` and ``/healthz`` over HTTP: no client, slow, cut off or silent, holds up another."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opslab.errors import OpsLabError, StoreError, one_line
from opslab.report.metrics.exposition import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opslab.report.metrics.exposition import Document

MAX_CONNECTIONS = 64
"""With more at once, the oldest is closed."""
_PLAIN = "text/plain; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text"


def chosen_format(accept: str) -> Format:
    """Return the format that an ``Accept`` header prefers: OpenMetrics only where it is named.

    Prometheus names both with weights, see https://prometheus.io/docs/instrumenting/content_negotiation/.
    """
    open_weight = text_weight = 0.0
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        values = dict(part.partition("=")[::2] for part in parameters)
        weight = _weight(values.get("q", "1"))
        if kind == _OPENMETRICS and values.get("version", "1.0.0") in {"1.0.0", "0.0.1"}:
            open_weight = max(open_weight, weight)
        elif kind == "text/plain":
            text_weight = max(text_weight, weight)
    return Format.OPENMETRICS if open_weight and open_weight >= text_weight else Format.TEXT


def _weight(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0


class MetricsServer(ThreadingHTTPServer):
    """An HTTP server whose connections each have a thread and a deadline.

    Args:
        host: name or address to listen on.
        port: port to listen on; 0 takes any that is free.
        scrape: returns the metrics in a format.
        limit_seconds: the longest that a connection may last.

    Raises:
        StoreError: the address is unknown, or the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128
    timeout_poll_seconds = 0.2

    def __init__(
        self, host: str, port: int, scrape: Callable[[Format], Document], *, limit_seconds: float = 30.0
    ) -> None:
        self.scrape, self._limit = scrape, limit_seconds
        self._guard = threading.Lock()
        self._deadlines: dict[socket.socket, float] = {}
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self.address_family = found[0]
            super().__init__((host, port), _Handler)
        except (OSError, UnicodeError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StoreError(
                f"cannot listen: {reason}",
                where=f"{host}:{port}",
                fix="choose another --port or --host; --port 0 takes a free one, and the command says which",
            ) from error

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host, port = self.server_address[:2]
        name = host.decode() if isinstance(host, bytes | bytearray) else str(host)
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/metrics"

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, and its deadline."""
        with self._guard:
            while len(self._deadlines) >= MAX_CONNECTIONS:
                _cut([self._deadlines_oldest()])
            self._deadlines[request] = time.monotonic() + self._limit
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the deadline of a connection that ends."""
        with self._guard:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut the connections that are over their deadline; called several times a second."""
        now = time.monotonic()
        with self._guard:
            overdue = [request for request, deadline in self._deadlines.items() if deadline < now]
            for request in overdue:
                del self._deadlines[request]
        _cut(overdue)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Say what went wrong in one line; a client that went away is no error."""
        error = sys.exception()
        if not isinstance(error, OSError):
            sys.stderr.write(f"error: a request failed: {one_line(error)}\n")

    def _deadlines_oldest(self) -> socket.socket:
        oldest = next(iter(self._deadlines))
        del self._deadlines[oldest]
        return oldest


def _cut(requests: Iterable[socket.socket]) -> None:
    for request in requests:
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0
    server: MetricsServer
    error_content_type = _PLAIN
    error_message_format = "%(code)d %(message)s\n"

    def do_GET(self) -> None:
        """Answer ``/metrics`` and ``/healthz``; nothing else is here."""
        target = self.requestline.split()[1]  # self.path is not what was asked where that begins with //
        if target == "/metrics":
            form = chosen_format(",".join(self.headers.get_all("Accept", [])))
            try:
                found = self.server.scrape(form)
            except OpsLabError as error:
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, one_line(error))
                return
            self._answer(form.value, found.size, found.pieces())
        elif target == "/healthz":
            self._answer(_PLAIN, 3, (b"ok\n",))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _answer(self, kind: str, size: int, pieces: Iterable[bytes]) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)

    def version_string(self) -> str:
        return "opslab"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """A scrape every few seconds is no news."""
