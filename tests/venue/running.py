"""A whole venue on this test's loop, with a client beside it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import io
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
from tests.venue.small import small
from yarl import URL

from opslab.venue.orders import Market
from opslab.venue.venue import Venue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from opslab.venue.setup import VenueSetup
    from opslab.venue.wire import WireRecord

WAIT = 10.0
PREFIX = {Market.FUTURES: "/fapi/v1", Market.SPOT: "/api/v3"}


@dataclass
class Running:
    """A venue that serves, and a signed client."""

    venue: Venue
    client: aiohttp.ClientSession
    connected: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    def params(self, **params: Any) -> str:
        account = self.venue.accounts[0]
        query = urlencode({**params, "timestamp": int(time.time() * 1000)})
        return f"{query}&signature={hmac.new(account.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"

    async def ask(self, method: str, path: str, **params: Any) -> Any:
        """Return the JSON of a signed request; ``path`` below the market's usual prefix."""
        url = f"{self.venue.endpoint.http}{PREFIX[self.venue.setup.market]}{path}?{self.params(**params)}"
        headers = {"X-MBX-APIKEY": self.venue.accounts[0].api_key}
        async with self.client.request(method, URL(url, encoded=True), headers=headers) as reply:
            return await reply.json()

    async def show(self, path: str) -> Any:
        """Return the JSON of a public request."""
        async with self.client.get(f"{self.venue.endpoint.http}{PREFIX[self.venue.setup.market]}{path}") as reply:
            return await reply.json()

    async def buy(self, price: str = "59900", **more: Any) -> Any:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        return await self.ask("POST", "/order", **{**order, "price": price, **more})

    async def control(self, method: str, name: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"X-Opslab-Token": self.venue.endpoint.token if token is None else token}
        data = body if isinstance(body, (bytes, io.BytesIO, type(None))) else json.dumps(body)
        async with self.client.request(
            method, f"{self.venue.endpoint.ctl}/{name}", data=data, headers=headers
        ) as reply:
            return reply.status, await reply.json()

    async def listen(self, url: str) -> aiohttp.ClientWebSocketResponse:
        ws = await self.client.ws_connect(url, timeout=aiohttp.ClientWSTimeout(ws_close=1.0))
        self.connected.append(ws)
        return ws

    async def record(self, kind: str, wanted: Callable[[WireRecord], bool] = lambda _: True) -> WireRecord:
        found = await asyncio.to_thread(
            self.venue.wire.wait_for, lambda record: record.kind == kind and wanted(record), WAIT
        )
        assert found is not None, f"no {kind} came"
        return found


@contextlib.asynccontextmanager
async def running(
    market: Market = Market.FUTURES, setup: VenueSetup | None = None, **settings: Any
) -> AsyncIterator[Running]:
    venue = Venue(setup or small(market, **settings))
    await venue.start()
    if venue.player is not None and not venue.setup.is_held:
        await venue.player.done.wait()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WAIT)) as client:
        at = Running(venue, client)
        try:
            yield at
        finally:
            await venue.stop()
            await asyncio.gather(*(ws.close() for ws in at.connected))
