"""Drives a course over HTTP: from a thread, or on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import importlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from opslab.errors import one_line
from opslab.safety.flatten.course import REQUEST_SECONDS, Flattened, Step, course, one_look
from opslab.safety.flatten.talk import Ticking
from opslab.safety.flatten.turns import Answer, Failed, Pause, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from opslab.safety.calm import Calm
    from opslab.safety.flatten.account import Account
    from opslab.safety.flatten.log import IntentLog
    from opslab.safety.flatten.remains import Remains
    from opslab.safety.flatten.turns import Told, Turns

_MOST_BYTES = 64 * 1024 * 1024
_LOOK_SECONDS = 5.0
_AT_FIRST_REQUEST = ("httpcore", "anyio", "anyio._backends._asyncio")
"""What the HTTP library imports when the first request is sent on an event loop."""


def get_ready() -> None:
    """Import now what the first question needs: in an emergency it would hold a node's loop up.

    What the HTTP library imports, its command line among it, is known only by importing it.
    """
    import httpx  # noqa: PLC0415 - costs what light commands must not pay

    httpx.AsyncClient(trust_env=False, verify=False)  # noqa: S501 - it sends nothing
    for name in _AT_FIRST_REQUEST:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def flatten(
    account: Account,
    *,
    flatten_id: str,
    seconds: float,
    log: IntentLog | None = None,
    on_step: Callable[[Step], None] = lambda _step: None,
    request_seconds: float = REQUEST_SECONDS,
) -> Flattened:
    """Empty an account, and return what became of it.

    Args:
        account: what is emptied.
        flatten_id: what the ids of its orders begin with: 1 to 24 letters, digits, ``-`` or ``_``, never used before.
        seconds: the longest that it may take.
        log: where closes are written down before they are sent; with None a flatten after a kill does not know of them.
        on_step: hears each step; an exception of its is ignored.
        request_seconds: the longest to wait for one answer.

    Raises:
        KeysRefusedError: the venue refuses the keys.
        OpsLabError: ``flatten_id`` or ``seconds`` cannot be used.
    """
    turns = course(
        account,
        flatten_id,
        seconds,
        _clocks(),
        log=log,
        on_step=_unheard(on_step),
        request_seconds=request_seconds,
    )
    return _drive(account, turns)


async def flatten_async(
    account: Account,
    *,
    flatten_id: str,
    seconds: float,
    log: IntentLog | None = None,
    on_step: Callable[[Step], None] = lambda _step: None,
    request_seconds: float = REQUEST_SECONDS,
    calm: Calm | None = None,
) -> Flattened:
    """Do what ``flatten`` does, on the running event loop; ``log`` is written on it, so that nothing overtakes it.

    With ``calm`` it ends at once where nothing may be sent: whoever remembers that waits.
    """
    turns = course(
        account,
        flatten_id,
        seconds,
        _clocks(),
        log=log,
        on_step=_unheard(on_step),
        request_seconds=request_seconds,
        calm=calm,
    )
    return await _drive_async(account, turns)


def remains(account: Account, *, seconds: float = _LOOK_SECONDS) -> Remains:
    """Ask the venue once what is left on an account; raises as ``flatten``."""
    return _drive(account, one_look(account, seconds, _clocks(), request_seconds=min(seconds, REQUEST_SECONDS)))


async def remains_async(account: Account, *, seconds: float = _LOOK_SECONDS, calm: Calm | None = None) -> Remains:
    """Do what ``remains`` does, on the running event loop; ``calm`` as ``flatten_async``."""
    longest = min(seconds, REQUEST_SECONDS)
    turns = one_look(account, seconds, _clocks(), request_seconds=longest, calm=calm)
    return await _drive_async(account, turns)


def _drive[T](account: Account, turns: Turns[T]) -> T:
    import httpx  # noqa: PLC0415 - costs what light commands must not pay

    told: Told = None
    with httpx.Client(**_settings(account)) as client:
        while True:
            try:
                turn = turns.send(told)
            except StopIteration as end:
                found: T = end.value
                return found
            if isinstance(turn, Pause):
                time.sleep(turn.seconds)
                told = None
                continue
            try:
                told = _answer(client, account, turn)
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
                told = _failed(error)


async def _drive_async[T](account: Account, turns: Turns[T]) -> T:
    import httpx  # noqa: PLC0415 - as above

    told: Told = None
    async with httpx.AsyncClient(**_settings(account)) as client:
        while True:
            try:
                turn = turns.send(told)
            except StopIteration as end:
                found: T = end.value
                return found
            if isinstance(turn, Pause):
                await asyncio.sleep(turn.seconds)
                told = None
                continue
            try:
                async with asyncio.timeout(turn.seconds):
                    told = await _answer_async(client, account, turn)
            except TimeoutError:
                told = Failed(f"no answer within {turn.seconds:.1f} s")
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
                told = _failed(error)


def _settings(account: Account) -> dict[str, Any]:
    """Return the client's settings: no proxy, no netrc and no certificates from the environment, no redirects.

    Certificates are read only where they are asked for: reading them would hold a node's loop up.
    """
    return {"trust_env": False, "follow_redirects": False, "verify": account.http.startswith("https:")}


def _answer(client: httpx.Client, account: Account, request: Request) -> Answer | Failed:
    ends = time.monotonic() + request.seconds
    with client.stream(
        request.method, _url(account, request), headers=_headers(account, request), timeout=request.seconds
    ) as reply:
        body = bytearray()
        for chunk in reply.iter_bytes():
            body += chunk
            if time.monotonic() > ends:
                return Failed(f"no whole answer within {request.seconds:.1f} s")
            if len(body) > _MOST_BYTES:
                return Failed("the answer has no end")
        return Answer(reply.status_code, _small(reply.headers), bytes(body))


async def _answer_async(client: httpx.AsyncClient, account: Account, request: Request) -> Answer | Failed:
    async with client.stream(
        request.method, _url(account, request), headers=_headers(account, request), timeout=request.seconds
    ) as reply:
        body = bytearray()
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                return Failed("the answer has no end")
        return Answer(reply.status_code, _small(reply.headers), bytes(body))


def _url(account: Account, request: Request) -> str:
    """Return the whole URL, signed where it must be: HMAC-SHA256 over the query string as it is sent."""
    query = urlencode(request.params, quote_via=quote)
    if request.is_signed:
        signature = hmac.digest(account.api_secret.encode(), query.encode(), "sha256").hex()
        query = f"{query}&signature={signature}"
    return f"{account.http}{request.path}{f'?{query}' if query else ''}"


def _headers(account: Account, request: Request) -> dict[str, str]:
    return {"X-MBX-APIKEY": account.api_key} if request.is_signed else {}


def _small(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _failed(error: Exception) -> Failed:
    import httpx  # noqa: PLC0415 - as above

    never_stood = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)
    return Failed(f"{type(error).__name__} {one_line(error, 100)}".strip(), is_sent=not isinstance(error, never_stood))


def _clocks() -> Ticking:
    return Ticking(time.monotonic, lambda: time.time_ns() // 1_000_000)


def _unheard(on_step: Callable[[Step], None]) -> Callable[[Step], None]:
    """Return what tells ``on_step`` until it fails: nobody who listens may stop a flatten."""
    listeners = [on_step]

    def tell(step: Step) -> None:
        try:
            for listener in listeners:
                listener(step)
        except Exception:  # noqa: BLE001 - whatever it is, the flatten goes on
            listeners.clear()

    return tell
