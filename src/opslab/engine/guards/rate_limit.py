"""A circuit breaker at the venue's limits: nothing is sent into a ban, and the node slows down before the limit.

While the breaker is shut, every request fails on this side, in the form of the adapter's own refusals and without a
code that it would try again, and new risk is denied at the door. Cancels, those of a kill switch too, are not sent
either: the venue would not carry them out, and would extend the ban. When the time is over one request (server time)
finds out whether the venue answers again.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from nautilus_trader.adapters.binance.http.error import BinanceClientError, BinanceError

from opslab.contract.execution import Guard
from opslab.engine.guards.headers import keep_headers
from opslab.engine.guards.http_deadline import method_name
from opslab.engine.guards.line import Lines
from opslab.engine.guards.standing import Standing, reach
from opslab.safety.breaker import Breaker, Passage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from opslab.contract.execution import Profile
    from opslab.engine.guards.site import Site

_NEAR_LIMIT_SECONDS = 10.0
_PROBING: ContextVar[bool] = ContextVar("opslab_rate_limit_probing", default=False)
"""Whether the request of this task is the one that finds out if the venue answers again."""


class RateLimit(Standing):
    """Heeds 429, 418, ``Retry-After`` and the weight headers."""

    guard: ClassVar[Guard] = Guard.RATE_LIMIT

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.breaker = Breaker()
        self._lines = Lines(self.guard, self._ruled)
        self._client: Any = None
        self._told = float("-inf")
        self._is_waiting = False

    def on_data_client(self, client: Any, site: Site) -> None:
        """Stand before its HTTP client; raises as ``Lines.wrap``."""
        self._wrap(client, site, site.config.data_clients)

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand before its HTTP client, and learn how to ask for the time.

        Raises:
            EngineError: it has no HTTP client that can be wrapped, or cannot ask for the time.
        """
        reach(client, "_http_market.request_server_time", self.guard)
        self._client = client
        self._wrap(client, site, site.config.exec_clients)

    def _wrap(self, client: Any, site: Site, configs: Mapping[str, Any]) -> None:
        if self._lines.wrap(client):
            proxy_url = getattr(configs.get(client.id.value), "proxy_url", None)
            keep_headers(client, proxy_url, self.guard)
            self.stand(site, "nothing is sent while the venue says to stay away")

    async def _ruled(self, send: Callable[..., Awaitable[Any]], method: Any, url: str, words: dict[str, Any]) -> Any:
        if not _PROBING.get():
            await self._pass(method_name(method), urlsplit(url).path)
        response = await send(method, url=url, **words)
        body = response.body if response.status >= 400 else b""  # noqa: PLR2004 - HTTP
        told = bytes(body[:1000]).decode(errors="replace")
        if self.breaker.hear(time.monotonic(), time.time(), response.status, response.headers, told):
            self._shut()
        if self.breaker.limit is None and url.partition("?")[0].endswith("/exchangeInfo"):
            self.breaker.limit = weight_limit(response.body)
        return response

    async def _pass(self, method: str, path: str) -> None:
        """Wait if the limit is near.

        Raises:
            BinanceClientError: it must not leave.
        """
        ruling = self.breaker.ask(time.monotonic(), time.time(), is_cancel=method == "DELETE")
        if ruling.passage is Passage.OPEN:
            return
        if not self.breaker.is_shut and time.monotonic() - self._told > _NEAR_LIMIT_SECONDS:
            self._told = time.monotonic()
            self.say("corrected", f"near the limit: {ruling.reason}", used=self.breaker.used, limit=self.breaker.limit)
        if ruling.passage is Passage.SHUT:
            raise BinanceClientError(None, f"RATE_LIMIT {method} {path} was not sent: {ruling.reason}", {})
        await asyncio.sleep(ruling.seconds)

    def _shut(self) -> None:
        ruling = self.breaker.ask(time.monotonic(), time.time())
        seconds = round(ruling.seconds, 3)
        self.hold(ruling.reason, self._reason, status=self.breaker.status, seconds=seconds)
        if not self._is_waiting and self._client is not None:
            self._is_waiting = True
            self.spawn(self._client, self._open_again(), "wait for the end of the ban")

    def _reason(self) -> str:
        return self.breaker.ask(time.monotonic(), time.time()).reason or "whether the venue answers again is not known"

    async def _open_again(self) -> None:
        try:
            while self.breaker.is_shut:
                await asyncio.sleep(max(0.0, self.breaker.until - time.monotonic()) + 0.01)
                if self.breaker.may_probe(time.monotonic()):
                    await self._probe()
        finally:
            self._is_waiting = False

    async def _probe(self) -> None:
        before, token = self.breaker.until, _PROBING.set(True)
        try:
            await self._client._http_market.request_server_time()  # noqa: SLF001 - the cheapest question there is
            answered = True
        except BinanceError:
            answered = self.breaker.until == before
        except Exception:  # noqa: BLE001 - whatever it was, the venue did not answer
            answered = False
        finally:
            _PROBING.reset(token)
        if self.breaker.probed(time.monotonic(), answered=answered):
            self.release("the venue answers again")


def weight_limit(body: bytes) -> int | None:
    """Return the weight that a minute takes, as an answer to exchangeInfo tells it; None when it does not."""
    try:
        limits = msgspec.json.decode(body, type=_Limits).rateLimits
    except msgspec.MsgspecError:
        return None
    found = (one for one in limits if one.rateLimitType == "REQUEST_WEIGHT" and one.interval == "MINUTE")
    return next((one.limit for one in found if one.intervalNum == 1 and one.limit > 0), None)


class _Limit(msgspec.Struct):
    rateLimitType: str = ""  # noqa: N815 - the venue's words
    interval: str = ""
    intervalNum: int = 0  # noqa: N815 - the venue's words
    limit: int = 0


class _Limits(msgspec.Struct):
    rateLimits: list[_Limit] = []  # noqa: N815 - the venue's words; msgspec copies an empty list
