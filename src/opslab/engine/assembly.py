"""An engine put together for one run: venues, instruments, data, strategy, tap, limits."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.common.enums import ComponentState
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import TraderId, Venue
from nautilus_trader.model.objects import Currency, Money

from opslab.contract.dataset import InstrumentKind
from opslab.contract.spec import Fill
from opslab.engine.bars import bar_type, to_bars, to_instrument
from opslab.engine.limits import LimitGate
from opslab.engine.next_open import ExchangeDoor, NextOpenClient, OpenPrices, install
from opslab.engine.strategy import make_strategy
from opslab.engine.tap import EventTap
from opslab.engine.views import engine_view
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nautilus_trader.trading.strategy import Strategy

    from opslab.contract.spec import Limits
    from opslab.engine.feed import Feed
    from opslab.engine.registry import StrategyContext, StrategyFactory

TRADER_ID = "OPSLAB-001"
_NOT_STARTED = (ComponentState.PRE_INITIALIZED, ComponentState.READY)


class Assembly:
    """A fresh engine with everything that one run needs.

    Args:
        feeds: what it will play.
        tap: what captures its events.
    """

    def __init__(self, feeds: Sequence[Feed], tap: EventTap) -> None:
        config = BacktestEngineConfig(
            trader_id=TraderId(TRADER_ID), logging=LoggingConfig(bypass_logging=True), run_analysis=False
        )
        self.engine = BacktestEngine(config=config)
        self.tap = tap
        self.feeds = feeds
        self.instruments = [to_instrument(feed.instrument) for feed in feeds]
        self.instrument_ids = tuple(feed.instrument_id for feed in feeds)
        self.bar_types = tuple(str(bar_type(feed)) for feed in feeds)
        self.clients: list[NextOpenClient] = []
        self.gate: LimitGate | None = None
        self.strategy: Strategy | None = None
        self._bars_seen: Callable[[], int] = int

    @property
    def strategy_name(self) -> str:
        """The class of the strategy, for messages."""
        return type(self.strategy).__name__

    def add_strategy(self, factory: StrategyFactory, context: StrategyContext) -> None:
        """Make the strategy and hand it to the engine.

        Raises:
            EngineError: the factory raises or returns something else, or the engine refuses the strategy.
        """
        strategy, self._bars_seen = make_strategy(factory, context)
        try:
            self.engine.add_strategy(strategy)
        except Exception as error:
            raise EngineError(
                f"the engine refuses strategy {type(strategy).__name__}: {one_line(error)}",
                fix="return a new Strategy at each call",
            ) from error
        self.strategy = strategy

    def bars_seen(self) -> int:
        """Return how many bars reached the strategy, by its own count if it keeps one."""
        return self._bars_seen()

    def has_started(self) -> bool:
        """Return whether the engine took the strategy and started it."""
        return self.strategy is not None and self.strategy.state not in _NOT_STARTED

    def open_prints(self) -> int:
        """Return how often a book was moved to an open price."""
        return sum(client.prints for client in self.clients)

    def now(self) -> str:
        """Return the engine's time as an ISO stamp."""
        moment = datetime.fromtimestamp(self.engine.kernel.clock.timestamp_ns() // 10**9, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    def stop_reason(self) -> str:
        """Return why an engine that stopped early did, as far as its accounts tell."""
        cache = self.engine.kernel.cache
        filled = [order for order in cache.orders() if order.filled_qty]
        if not filled:
            return "something asked it to stop"
        last = max(filled, key=lambda order: order.ts_last)
        free = [f"{row['free']} {row['currency']}" for row in engine_view(cache)["balances"]]
        return (
            f"an account cannot cover {last.side_string()} {last.filled_qty} {last.instrument_id} at {last.avg_px} "
            f"(free before: {', '.join(free)})"
        )

    def dispose(self) -> None:
        """Release the engine, and what it registered for the whole process."""
        self.engine.dispose()
        for venue in {feed.instrument.venue.upper() for feed in self.feeds}:
            AccountFactory.deregister_cash_borrowing(venue)


def assemble(
    feeds: Sequence[Feed], *, fill: Fill, limits: Limits | None, starting_balance: Decimal, seed: int
) -> Assembly:
    """Return an engine with venues, instruments, data, tap and limits, waiting for its strategy.

    Raises:
        EngineError: an instrument or interval that the engine cannot hold, or spot beside perpetuals on one venue.
    """
    for venue in {feed.instrument.venue.upper() for feed in feeds}:
        AccountFactory.deregister_cash_borrowing(venue)  # an engine before this one may have left it behind
    assembly = Assembly(feeds, EventTap())
    try:
        _add_venues(assembly, fill, starting_balance, seed)
        for feed, instrument in zip(feeds, assembly.instruments, strict=True):
            assembly.engine.add_data(to_bars(feed, instrument), sort=len(feeds) == 1)
        if len(feeds) > 1:
            assembly.engine.sort_data()
    except BaseException:
        assembly.dispose()
        raise
    assembly.tap.attach(assembly.engine.kernel.msgbus)
    if limits is not None:
        assembly.gate = LimitGate(limits, assembly.engine.kernel)
        assembly.gate.install()
    return assembly


def _add_venues(assembly: Assembly, fill: Fill, starting_balance: Decimal, seed: int) -> None:
    for venue in dict.fromkeys(feed.instrument.venue.upper() for feed in assembly.feeds):
        pairs = [
            (feed, instrument)
            for feed, instrument in zip(assembly.feeds, assembly.instruments, strict=True)
            if instrument.id.venue.value == venue
        ]
        door = ExchangeDoor()
        assembly.engine.add_venue(
            venue=Venue(venue),
            oms_type=OmsType.NETTING,
            account_type=_account_type(venue, [feed for feed, _ in pairs]),
            starting_balances=_balances([feed for feed, _ in pairs], starting_balance),
            base_currency=None,
            fill_model=FillModel(random_seed=seed),
            modules=[door] if fill is Fill.NEXT_OPEN else [],
        )
        for _, instrument in pairs:
            assembly.engine.add_instrument(instrument)
        if fill is Fill.NEXT_OPEN:
            opens = {instrument.id: OpenPrices(instrument, feed.candles) for feed, instrument in pairs}
            assembly.clients.append(install(assembly.engine, door, opens))


def _account_type(venue: str, feeds: Sequence[Feed]) -> AccountType:
    """Return a cash account for spot (nothing is borrowed, so nothing sold short), a margin account for perpetuals."""
    kinds = {feed.instrument.kind for feed in feeds}
    if len(kinds) > 1:
        raise EngineError(
            "spot and perpetual in one run on one venue", where=venue, fix="run them apart: an account is of one type"
        )
    return AccountType.CASH if kinds == {InstrumentKind.SPOT} else AccountType.MARGIN


def _balances(feeds: Sequence[Feed], starting_balance: Decimal) -> list[Money]:
    """Return the balance in each currency that is paid with, and nothing of what spot buys.

    A cash account sells what it never had unless it has a balance of it, be it 0 (measured on NautilusTrader 1.231).
    """
    definitions = [feed.instrument for feed in feeds]
    spot = [definition for definition in definitions if definition.kind is InstrumentKind.SPOT]
    paid = [definition.quote for definition in spot]
    paid += [definition.settlement or definition.quote for definition in definitions if definition not in spot]
    amounts = dict.fromkeys((definition.base for definition in spot), Decimal(0)) | dict.fromkeys(
        paid, starting_balance
    )
    return [Money(amount, Currency.from_str(code)) for code, amount in amounts.items()]
