"""A node and its clients as the guards of market data and time see them, made of nothing but what they touch."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
from nautilus_trader.adapters.binance.common.schemas.market import BinanceOrderBookMsg
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, QuoteTick
from nautilus_trader.model.enums import BookAction, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

from opslab.engine.guards.site import Site

NAME = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
MS = 1_000_000


class Clock:
    """Tells whatever time it is given."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def timestamp_ms(self) -> int:
        return self.ms

    def timestamp_ns(self) -> int:
        return self.ms * MS


class Market:
    """The adapter's market API: answers what it is given, or raises it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_ms = 0
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []

    async def request_server_time(self) -> int:
        self.asked.append("time")
        return self._given("time", self._clock.ms + self.offset_ms)

    async def query_ticker_book(self, **_words: Any) -> Any:
        return self._said("ticker")

    async def query_trades(self, **_words: Any) -> Any:
        return self._said("trades")

    async def query_agg_trades(self, **_words: Any) -> Any:
        return self._said("agg_trades")

    async def query_depth(self, **_words: Any) -> Any:
        return self._said("depth")

    async def query_klines(self, **_words: Any) -> Any:
        return self._said("klines")

    async def request_order_book_snapshot(self, **_words: Any) -> Any:
        self.asked.append("snapshot")
        found = self.answers["snapshots"].pop(0)
        if isinstance(found, asyncio.Future):
            found = await found
        if isinstance(found, Exception):
            raise found
        return found

    def _said(self, what: str) -> Any:
        self.asked.append(what)
        return self._given(what, [])

    def _given(self, what: str, otherwise: Any) -> Any:
        found = self.answers.get(what, otherwise)
        if isinstance(found, Exception):
            raise found
        return found


class World:
    """One node with one data client and one execution client, on a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.bus: dict[str, Any] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.pulled: list[str] = []
        self.handed: list[Any] = []
        self.clock = Clock()
        self.market = Market(self.clock)
        self.is_running = True
        kernel: Any = SimpleNamespace(
            loop=self.loop,
            is_running=lambda: self.is_running,
            msgbus=SimpleNamespace(subscribe=self._subscribe),
            cache=SimpleNamespace(instruments=list),
        )
        self.site = Site(
            config=None,  # type: ignore[arg-type]
            kernel=kernel,
            read=lambda: SimpleNamespace(blocked=bool(self.pulled)),  # type: ignore[arg-type,return-value]
            pull=self.pulled.append,
            tell=lambda event, facts: self.told.append((event, dict(facts))),
        )

    def data_client(self, **feeds: Any) -> Any:
        client: Any = SimpleNamespace(
            _http_market=self.market,
            _clock=self.clock,
            _enum_parser=None,
            _binance_account_type=SimpleNamespace(is_futures=True),
            _ws_handlers={"@depth@": None},
            _decoder_order_book_msg=msgspec.json.Decoder(BinanceOrderBookMsg),
            _get_cached_instrument_id=lambda _symbol: NAME,
            _order_book_snapshot_then_deltas=None,
            _book_depths={NAME: 1000},
            _handle_data=self.handed.append,
            create_task=self.loop.create_task,
        )
        for name in ("quote_ticks", "trade_ticks", "order_book_deltas", "order_book_depth", "bars"):
            setattr(client, f"subscribed_{name}", partial(list, feeds.get(name, [])))
        self.site.data_clients.append(client)
        return client

    def _subscribe(self, topic: str, handler: Any) -> None:
        self.bus[topic] = handler

    def run(self, seconds: float = 0.0) -> None:
        """Let the loop work for so long, or what is ready now."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, condition: Any, seconds: float = 2.0) -> bool:
        """Let the loop work until ``condition`` holds; return whether it does."""

        async def waited() -> bool:
            end = self.loop.time() + seconds
            while not condition() and self.loop.time() < end:  # noqa: ASYNC110 - whatever it waits for has no event
                await asyncio.sleep(0.001)
            return bool(condition())

        return self.loop.run_until_complete(waited())

    def actions(self, guard: str) -> list[str]:
        return [facts["action"] for event, facts in self.told if event == "guard_acted" and facts["guard"] == guard]

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.run()
        self.loop.close()


def depth_update(first: int, last: int, previous: int | None, price: str = "1.0") -> bytes:
    """Return a ``depthUpdate`` on a combined stream; on spot ``previous`` is left out."""
    data: dict[str, Any] = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last}
    data |= {"b": [[price, "1.0"]], "a": []}
    if previous is not None:
        data |= {"T": 1, "pu": previous}
    return msgspec.json.encode({"stream": "btcusdt@depth@0ms", "data": data})


def snapshot(last: int) -> OrderBookDeltas:
    """Return a book of one level."""
    order = BookOrder(OrderSide.BUY, Price.from_str("1.0"), Quantity.from_str("9.0"), 0)
    clear = OrderBookDelta.clear(NAME, last, 0, 0)
    return OrderBookDeltas(NAME, [clear, OrderBookDelta(NAME, BookAction.ADD, order, 0, last, 0, 0)])


def quote(at_ms: int, *, is_stamped: bool = True, bid: str = "1.0") -> QuoteTick:
    """Return a quote; one that is not stamped bears when it arrived twice."""
    return QuoteTick(
        NAME,
        Price.from_str(bid),
        Price.from_str("9.0"),
        Quantity.from_str("1.0"),
        Quantity.from_str("1.0"),
        at_ms * MS,
        at_ms * MS + is_stamped,
    )
