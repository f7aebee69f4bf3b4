"""A Pushgateway on this machine that writes down what it is sent, and answers as a test wants."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from dataclasses import dataclass, field

SLICE = 0.02


@dataclass
class Request:
    """What a client sent, its header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Gateway:
    """A server in a thread.

    Attributes:
        answer: what every request gets: a status such as ``500 Oh``, or a misbehaviour.
        location: where a redirect points to.
        requests: those that came whole.
        over: set when the server stops.
        go: for tests that hold a client back.
    """

    answer: str
    location: str = ""
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    outer.serve(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every answer and the server."""
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)

    def serve(self, received, sent) -> None:
        """Read one request, write it down, and answer."""
        if self.answer == "greeting":
            sent.write(b"220 no web server\r\n")
            received.read()
            return
        words = received.readline().decode().split()
        if len(words) != 3:
            return
        headers = {}
        while line := received.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = received.read(int(headers.get("content-length", 0)))
        self.requests.append(Request(words[0], words[1], headers, body))
        for piece in self._pieces():
            sent.write(piece)

    def _pieces(self):
        status = "200 OK" if self.answer == "ok" else self.answer
        plain = f"HTTP/1.1 {status}\r\nLocation: {self.location}/x\r\nContent-Length: 0\r\n\r\n".encode()
        begun = b"HTTP/1.1 200 OK\r\n"
        if self.answer == "silence":
            self.over.wait(10)
        elif self.answer == "trickle of the status":
            yield from self._slowly(b"HTTP/1.1 200 " + b"O" * 500)
        elif self.answer == "trickle of headers":
            yield begun
            yield from self._slowly(b"X-A: b\r\n" * 60)
        elif self.answer == "endless continues":
            yield from self._slowly(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 500)
        elif self.answer == "endless body":
            yield begun + b"\r\n"
            yield from self._slowly(b"x" * 500)
        elif self.answer == "garbage":
            yield b"\x00nonsense\r\n\r\n"
        elif self.answer != "hang up":
            yield plain

    def _slowly(self, *pieces: bytes):
        for piece in pieces if len(pieces) > 1 else [bytes([byte]) for byte in pieces[0]]:
            if self.over.wait(SLICE):
                return
            yield piece


def recording(answer: str, location: str = "") -> Gateway:
    """Return a server that has started."""
    return Gateway(answer, location)
