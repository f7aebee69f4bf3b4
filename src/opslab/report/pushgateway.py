"""Pushes a session's metrics to a Pushgateway: on request only, the one place where the lab speaks to another host.

Where it is, the user says. No redirect is followed and no proxy of the environment asked, either could lead elsewhere;
one deadline holds for everything, from looking up the host to the answer.

Protocol: https://github.com/prometheus/pushgateway#api (PUT replaces everything under its grouping key).
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opslab.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opslab.contract.drill import SessionReport

JOB = "opslab"
LIMIT_SECONDS = 2.0
_FORM = "write it like http://127.0.0.1:9091"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_MAX_LABEL = 100


@dataclass(frozen=True, slots=True)
class Pushgateway:
    """A Pushgateway, and what it keeps a session's metrics under.

    Attributes:
        url: its address; a path before ``/metrics`` belongs to it.
        suite: which drills they are.
        environment: where they ran.
    """

    url: str
    suite: str
    environment: str

    @property
    def place(self) -> str:
        """Scheme, host and port, for messages: a path may be known to few."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def checked_gateway(url: str, suite: str, environment: str, *, where: str) -> Pushgateway:
    """Return the Pushgateway that the user names.

    Args:
        url: as the user wrote it; messages never repeat it, it may hold a secret.
        suite: label ``suite`` of the grouping key.
        environment: label ``environment`` of the grouping key.
        where: which option or setting names the address.

    Raises:
        StoreError: the address is malformed, or holds what could be a secret; or a label is empty or not printable.
    """
    if problem := _problem(url):
        raise StoreError(problem, where=where, fix=_FORM)
    for name, value in (("opslab_suite", suite), ("opslab_environment", environment)):
        if not value.strip() or not value.isprintable() or len(value) > _MAX_LABEL:
            fix = f"use 1 to {_MAX_LABEL} printable characters"
            raise StoreError("is no name that a Pushgateway can group by", where=name, fix=fix)
    return Pushgateway(url, suite, environment)


def _problem(url: str) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "the address holds characters that no URL has"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "the address has a malformed host or port"
    if parts.scheme not in {"http", "https"}:
        return "the address does not begin with http:// or https://"
    if "@" in parts.netloc:
        return "the address holds a user name or password, which would be kept in logs"
    if "?" in url or "#" in url:
        return "the address holds a query or a fragment, where a secret may be"
    if not host or port == 0 or not (":" in host or _HOST.fullmatch(host)):
        return "the address has a malformed host or port"
    return None


def push_session(report: SessionReport, gateway: Pushgateway, *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Replace what the Pushgateway holds of the suite in this environment by the session's metrics.

    Args:
        report: the session, one of drills and not of mutants.
        gateway: where to.
        limit_seconds: the longest that it may take in all.

    Raises:
        StoreError: it cannot be reached, is too slow, or does not accept them.
    """
    from prometheus_client import push_to_gateway  # noqa: PLC0415 - every session that names a gateway loads this module

    from opslab.report.session_metrics import registry_of  # noqa: PLC0415 - the same

    key = {"suite": gateway.suite, "environment": gateway.environment}
    try:
        push_to_gateway(gateway.url, JOB, registry_of(report), key, limit_seconds, _sending)
    except OSError as error:
        raise StoreError(
            f"the session's metrics were not pushed: {error.strerror}",
            where=gateway.place,
            fix="the session's metrics.prom holds them",
        ) from error


def _sending(
    url: str, method: str, timeout: float, headers: Sequence[tuple[str, str]], data: bytes
) -> Callable[[], None]:
    """Return what sends the request, in the form that ``push_to_gateway`` asks for."""
    return lambda: _Request(url, method, headers, data).send(timeout)


class _Request:
    """One request in a thread of its own: neither a slow name server nor a trickle of bytes can be waited out else."""

    def __init__(self, url: str, method: str, headers: Sequence[tuple[str, str]], data: bytes) -> None:
        self._url, self._method, self._headers, self._data = urlsplit(url), method, dict(headers), data
        self._connection: HTTPConnection | None = None
        self._is_late = False
        self._status: int | None = None
        self._error: Exception | None = None

    def send(self, limit_seconds: float) -> None:
        thread = threading.Thread(target=self._run, args=(limit_seconds,), name="opslab-pushgateway", daemon=True)
        thread.start()
        thread.join(limit_seconds)
        status, error = self._status, self._error
        if status is None and (error is None or isinstance(error, TimeoutError)):
            self._cut()
            raise OSError(None, f"no answer within {limit_seconds:g} s") from error
        if status is None:
            raise OSError(None, _reason(error)) from error
        if not 200 <= status < 300:  # noqa: PLR2004 - the range of success
            raise OSError(None, f"it answered {status}")

    def _run(self, limit_seconds: float) -> None:
        try:
            kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            made = kind(self._url.hostname or "", self._url.port, timeout=limit_seconds)
            with contextlib.closing(made) as connection:
                connection.connect()
                self._connection = connection
                if not self._is_late:
                    connection.request(self._method, self._url.path, self._data, self._headers)
                    with contextlib.closing(connection.getresponse()) as response:
                        self._status = response.status
        except Exception as error:  # noqa: BLE001 - http.client raises many kinds; each is told
            self._error = error

    def _cut(self) -> None:
        """End the thread if it waits for the other side."""
        self._is_late = True
        connected = self._connection.sock if self._connection else None
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception | None) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "its answer is not HTTP" if isinstance(error, HTTPException) else type(error).__name__
