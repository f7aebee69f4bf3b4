"""The probe: one GET to a server on loopback, under one deadline for everything.

The environment's proxies are not asked, redirects are not followed, and the connection is closed as soon as the head
of the answer has come: its body is neither read to its end nor stored. Clock and deadline begin when everything that
the GET needs of Python is loaded: what they measure is the server and the way to it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

import httpx
from anyio.lowlevel import checkpoint

from opslab.clock import to_stamp
from opslab.contract.connectivity import ConnectivityProbeEvaluated, ProbeErrorClass, ProbeState

if TYPE_CHECKING:
    from datetime import datetime

    from opslab.clock import Clock
    from opslab.connectivity.url import ProbeUrl

GOOD = range(200, 300)
SWITCHED = 101
"""The answer that changes the protocol, which a GET without ``Upgrade`` did not ask for (RFC 9110, 7.8)."""

_CLOSED = "Server disconnected"
_UNASKED_SWITCH = "_SWITCH_UPGRADE"


class _Outcome(NamedTuple):
    state: ProbeState
    error_class: ProbeErrorClass | None = None
    http_status: int | None = None
    latency_ms: float | None = None
    errors: tuple[str, ...] = ()


def probed(url: ProbeUrl, run_id: str, timeout_ms: int, clock: Clock) -> ConnectivityProbeEvaluated:
    """Send one GET and return how it went; whatever happens is an outcome, not an error.

    Args:
        url: a checked URL.
        run_id: the run that it is recorded under.
        timeout_ms: how long connecting, sending and the head of the answer may take together.
        clock: when it was sent.
    """
    now, outcome = asyncio.run(_warm(url, timeout_ms / 1000, clock))
    return ConnectivityProbeEvaluated(
        ts_utc=to_stamp(now),
        run_id=run_id,
        state=outcome.state,
        http_status=outcome.http_status,
        latency_ms=outcome.latency_ms,
        error_class=outcome.error_class,
        url=str(url),
        errors=outcome.errors,
    )


async def _warm(url: ProbeUrl, seconds: float, clock: Clock) -> tuple[datetime, _Outcome]:
    """Make the client and load what it loads late, then begin; return when that was, and how it went."""
    transport = httpx.AsyncHTTPTransport(trust_env=False, retries=0)
    # The one deadline stands around all of this: a limit of each step would start anew with every byte.
    client = httpx.AsyncClient(
        transport=transport, trust_env=False, timeout=httpx.Timeout(None), follow_redirects=False
    )
    await checkpoint()  # the client's sockets are anyio's, which loads its half for asyncio at the first call
    async with client:
        return clock.now(), await _within(client, url, seconds)


async def _within(client: httpx.AsyncClient, url: ProbeUrl, seconds: float) -> _Outcome:
    try:
        async with asyncio.timeout(seconds):
            return await _sent(client, url)
    except TimeoutError:
        what = f"no answer within {seconds * 1000:g} ms"
        return _Outcome(ProbeState.TIMEOUT, ProbeErrorClass.TIMEOUT, errors=(what,))
    except (httpx.ConnectError, httpx.ReadError, httpx.WriteError):
        what = "the connection was refused or reset"
        return _Outcome(ProbeState.UNREACHABLE, ProbeErrorClass.CONNECTION_ERROR, errors=(what,))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        return _misunderstood(error)


def _misunderstood(error: Exception) -> _Outcome:
    """Return what an answer that is none comes to; httpcore tells the kinds apart by their words alone."""
    what = f"the answer cannot be understood ({type(error).__name__})"
    if str(error).startswith(_CLOSED):
        what = "the server closed the connection without an answer"
    return _Outcome(ProbeState.UNKNOWN, ProbeErrorClass.UNKNOWN, errors=(what,))


async def _sent(client: httpx.AsyncClient, url: ProbeUrl) -> _Outcome:
    """Try the addresses of the host one after the other; only a refused connection leads to the next."""
    *others, last = url.addresses
    for address in others:
        try:
            return await _asked(client, url, address)
        except httpx.ConnectError:
            continue
    return await _asked(client, url, last)


async def _asked(client: httpx.AsyncClient, url: ProbeUrl, address: str) -> _Outcome:
    host = f"[{address}]" if ":" in address else address
    begun = time.monotonic()
    target = f"http://{host}:{url.port}{url.path}"
    try:
        async with client.stream("GET", target, headers={"Host": url.authority}) as answer:
            return _answered(answer.status_code, begun)
    except httpx.RemoteProtocolError as error:
        if _UNASKED_SWITCH in str(error):  # h11 tells of it in no other way
            return _answered(SWITCHED, begun)
        raise


def _answered(status: int, begun: float) -> _Outcome:
    latency_ms = round((time.monotonic() - begun) * 1000, 3)
    if status in GOOD:
        return _Outcome(ProbeState.OK, None, status, latency_ms)
    what = (f"the server answered {status}",)
    return _Outcome(ProbeState.HTTP_ERROR, ProbeErrorClass.HTTP_ERROR, status, latency_ms, what)
