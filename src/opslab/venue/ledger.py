"""The ledger's log: every change of an order, balance, position or setting, in order, and who is told of it.

A command appends to the log while it acts; listeners are told when it has finished, so that what they ask the exchange
is never half done. A listener may give commands: what they change is told after what is still to be told.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from opslab.venue.events import AccountChanged, AlgoChanged, MarginCalled, OrderChanged, SettingChanged
from opslab.venue.views import Published

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from opslab.venue.events import BalanceState, Execution, LedgerEvent, PositionState
    from opslab.venue.orders import AlgoOrder, Fill, Order


class Ledger:
    """Keeps the log and tells listeners.

    Args:
        now_ms: the venue's time.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.log: list[LedgerEvent] = []
        self.time_ms = now_ms()
        self._now_ms = now_ms
        self._pending: deque[LedgerEvent | Published] = deque()
        self._on_ledger: list[Callable[[LedgerEvent], None]] = []
        self._on_market: list[Callable[[Published], None]] = []
        self._is_telling = False

    def begin(self) -> int:
        """Read the clock once: everything that a command changes bears the same time, Unix milliseconds."""
        self.time_ms = self._now_ms()
        return self.time_ms

    def on_ledger(self, callback: Callable[[LedgerEvent], None]) -> None:
        """Tell ``callback`` of every change from now on."""
        self._on_ledger.append(callback)

    def on_market(self, callback: Callable[[Published], None]) -> None:
        """Tell ``callback`` of everything public from now on."""
        self._on_market.append(callback)

    def order_changed(self, execution: Execution, order: Order, fill: Fill | None = None) -> None:
        """Note that an order changed."""
        self._add(OrderChanged(len(self.log) + 1, self.time_ms, execution, order.copy(), fill))

    def algo_changed(self, algo: AlgoOrder) -> None:
        """Note that a conditional order changed."""
        self._add(AlgoChanged(len(self.log) + 1, self.time_ms, algo.copy()))

    def account_changed(
        self,
        account: str,
        reason: str,
        balances: tuple[BalanceState, ...],
        positions: tuple[PositionState, ...] = (),
    ) -> None:
        """Note that balances or positions changed."""
        self._add(AccountChanged(len(self.log) + 1, self.time_ms, account, reason, balances, positions))

    def setting_changed(self, account: str, setting: str, symbol: str, value: str) -> None:
        """Note that a setting changed."""
        self._add(SettingChanged(len(self.log) + 1, self.time_ms, account, setting, symbol, value))

    def margin_called(
        self, account: str, asset: str, cross_wallet: Decimal, positions: tuple[tuple[str, str], ...]
    ) -> None:
        """Note that an account was told of its thin margin."""
        self._add(MarginCalled(len(self.log) + 1, self.time_ms, account, asset, cross_wallet, positions))

    def publish(self, published: Published) -> None:
        """Tell the public, in order with the changes of the log."""
        if self._on_market:
            self._pending.append(published)

    def flush(self) -> None:
        """Tell listeners what is pending; within a listener this leaves it to the outer call."""
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._pending:
                event = self._pending.popleft()
                if isinstance(event, Published):
                    for tell_market in self._on_market:
                        tell_market(event)
                else:
                    for tell in self._on_ledger:
                        tell(event)
        finally:
            self._is_telling = False

    def _add(self, event: LedgerEvent) -> None:
        self.log.append(event)
        if self._on_ledger:
            self._pending.append(event)
