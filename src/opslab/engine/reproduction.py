"""What the pages on engine defects share: a stock node on the lab's venue, for a few lines that show one defect.

The venue is the lab's, in a thread of the same process. The node is NautilusTrader's ``TradingNode`` with its Binance
clients and a ``Strategy`` that does nothing by itself. Of the lab there are no guards, no doors and no tap around it:
the settings say where the venue is, and shorten timeouts and the delay before the first reconciliation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.request
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace
from nautilus_trader.adapters.binance import BINANCE, BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from opslab.contract.dataset import InstrumentKind
from opslab.contract.execution import Profile
from opslab.data.instruments import built_in
from opslab.engine.node.names import instrument_id
from opslab.engine.node.settings import node_config
from opslab.errors import EngineError
from opslab.venue.listing import Listing
from opslab.venue.market import BookSnapshot
from opslab.venue.orders import Market
from opslab.venue.setup import MAIN, VenueSetup, new_account
from opslab.venue.stock import stock
from opslab.venue.tape.tape import Tape
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from nautilus_trader.cache.config import CacheConfig

SYMBOL = "BTCUSDT"
_LEVELS = 5
_PATIENCE_SECONDS = 10.0
_TURN_SECONDS = 0.02
_KINDS = {Market.FUTURES: InstrumentKind.PERPETUAL, Market.SPOT: InstrumentKind.SPOT}


class ShownVenue(VenueThread):
    """The lab's venue with one account, ``main``: ``with ShownVenue() as venue:``.

    Args:
        market: ``futures`` (USD-M) or ``spot``.
        plays: whether a market is played, a step at a time (``play``); else one book stands still at 60000.
        balances: what the account has, by currency; the usual of the market when not given.
    """

    def __init__(self, market: str = "futures", *, plays: bool = False, balances: dict[str, int] | None = None) -> None:
        self.market = Market(market)
        listings, tape = stock(self.market, [], None) if plays else _still(self.market)
        has = None if balances is None else {name: Decimal(amount) for name, amount in balances.items()}
        accounts = (new_account(self.market, balances=has),)
        setup = VenueSetup(market=self.market, listings=listings, accounts=accounts, tape=tape, is_held=plays)
        super().__init__(setup)

    def fill(self, order: Any, quantity: str | None = None) -> None:
        """Let somebody trade with a resting order; all of it, or so much in base units."""
        amount = None if quantity is None else Decimal(quantity)
        self.call(lambda venue: venue.exchange.fill(MAIN, int(order.venue_order_id.value), amount))

    def play(self, count: int) -> None:
        """Let so many things happen in the market."""
        self.call(lambda venue: venue.player.step(count) if venue.player is not None else 0)

    @contextlib.contextmanager
    def broken(self, *faults: Any) -> Any:
        """Break something for the length of a block: ``with venue.broken(venue.faults.ban(seconds=60)):``."""
        with contextlib.ExitStack() as healed:
            for fault in faults:
                healed.callback(fault.heal)
                fault.begin()
            yield faults[0]

    def order(self, order: Any) -> Any:
        """Return an order as the venue's books have it."""
        wanted = order.client_order_id.value
        return self.call(
            lambda venue: next(one for one in venue.exchange.orders(MAIN, SYMBOL) if one.client_order_id == wanted)
        )

    def books(self) -> dict[str, Any]:
        """Return what the venue's ledger has of the account: ``balances``, ``orders``, ``fills``, ``positions``."""
        found: dict[str, Any] = self.call(lambda venue: venue.exchange.snapshot())["accounts"][MAIN]
        return found

    def depth(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the venue's bids and asks, quantity by price, as its REST interface tells them."""
        path = "/fapi/v1/depth" if self.market is Market.FUTURES else "/api/v3/depth"
        with urllib.request.urlopen(f"{self.endpoint.http}{path}?symbol={SYMBOL}&limit=50") as answer:  # noqa: S310 - loopback
            found = json.load(answer)
        return dict(found["bids"]), dict(found["asks"])

    def requests(self, path: str = "") -> list[str]:
        """Return the requests that came whose path ends so, as ``POST /fapi/v1/order``, oldest first."""
        facts = [record.facts for record in self.wire.records() if record.kind == "request"]
        return [f"{one['method']} {one['path']}" for one in facts if str(one["path"]).endswith(path)]


class StockNode:
    """NautilusTrader's node on a venue, started and stopped by a ``with`` block; it works while it is waited for.

    Args:
        venue: where it trades.
        cache: its cache's settings.
        engine: settings of ``LiveExecEngineConfig``.

    Attributes:
        node: the ``TradingNode``.
        strategy: a ``Strategy`` that does nothing by itself.
        instrument_id: what is traded.
    """

    def __init__(self, venue: ShownVenue, *, cache: CacheConfig | None = None, **engine: Any) -> None:
        is_futures = venue.market is Market.FUTURES
        self.instrument_id = InstrumentId.from_str(instrument_id(SYMBOL, is_futures=is_futures))
        address = _Address(venue)
        names = [str(self.instrument_id)]
        config = node_config(address, is_futures=is_futures, instrument_ids=names, profile=Profile.FAST, **engine)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self.node = TradingNode(config=replace(config, cache=cache or config.cache), loop=self._loop)
        self.node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
        self.node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
        self.strategy = Strategy()
        self.node.trader.add_strategy(self.strategy)
        self.node.build()

    def __enter__(self) -> Self:
        self._running = self._loop.create_task(self.node.run_async())
        self.until(lambda: self.strategy.is_running, "the strategy's start")
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.run_until_complete(self.node.stop_async())
        rest = [task for task in asyncio.all_tasks(self._loop) if not task.done()]
        for task in rest:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        self.node.dispose()
        self._loop.close()

    @property
    def is_connected(self) -> bool:
        """Whether the node says that its data and execution clients are connected."""
        kernel = self.node.kernel
        return bool(kernel.data_engine.check_connected() and kernel.exec_engine.check_connected())

    @property
    def cache(self) -> Any:
        """The node's cache."""
        return self.node.cache

    def buy(self, quantity: str, at: str | None = None) -> Any:
        """Submit an order to buy, at the market or at a limit, and return it."""
        make, instrument = self.strategy.order_factory, self.cache.instrument(self.instrument_id)
        amount = instrument.make_qty(Decimal(quantity))
        if at is None:
            order = make.market(self.instrument_id, OrderSide.BUY, amount)
        else:
            order = make.limit(self.instrument_id, OrderSide.BUY, amount, instrument.make_price(Decimal(at)))
        self.strategy.submit_order(order)
        return order

    def wait(self, seconds: float) -> None:
        """Let the node work for so long."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def until(self, condition: Callable[[], bool], what: str = "it", seconds: float = _PATIENCE_SECONDS) -> None:
        """Let the node work until ``condition`` holds.

        Raises:
            EngineError: it did not in time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise EngineError(f"{what} did not happen within {seconds:g} s", fix="look at the venue's wire log")
            self.wait(_TURN_SECONDS)

    def until_status(self, order: Any, status: str) -> None:
        """Let the node work until the engine says that ``order`` is ``status``; raises as ``until``."""
        self.until(lambda: order.status_string() == status, f"{order.client_order_id} {status}")


class _Address:
    """A venue's addresses and the keys of its account."""

    def __init__(self, venue: ShownVenue) -> None:
        found, account = venue.endpoint, venue.accounts[0]
        self.http, self.ws, self.ws_api, self.ws_stream = found.http, found.ws, found.ws_api, found.ws_stream
        self.api_key, self.api_secret = account.api_key, account.api_secret


def _still(market: Market) -> tuple[tuple[Listing, ...], Tape]:
    bids, asks = (
        tuple((Decimal(60_000 + side * (step + offset)), Decimal(1)) for step in range(_LEVELS))
        for side, offset in ((-1, 0), (1, 1))
    )
    tape = Tape(lambda: iter([(0, BookSnapshot(SYMBOL, 0, bids, asks))]), 0, 0, (SYMBOL,))
    return (Listing(instrument=built_in(SYMBOL, _KINDS[market])),), tape
