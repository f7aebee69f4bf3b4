"""The account of a live node in a process that ran a backtest: put into its cache before it connects.

A backtest client of 1.231 registers its venue, for the rest of the process, as one whose accounts are calculated from
fills. A live account that is created later is then charged twice: by the fill, and by the balance that the venue tells.
An account that is there already is only told; the engine creates none. The page is
``docs/engine-defects/account-charged-twice.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.accounting.accounts.cash import CashAccount
from nautilus_trader.accounting.accounts.margin import MarginAccount
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import AccountType
from nautilus_trader.model.events import AccountState
from nautilus_trader.model.objects import AccountBalance, Money

if TYPE_CHECKING:
    from nautilus_trader.config import TradingNodeConfig


def add_reported_account(client: Any, cache: Any, config: TradingNodeConfig) -> None:
    """Add the account of an execution client, empty until the venue tells of it, where the engine's would be charged.

    In a process that ran no backtest of the venue nothing is added: the engine makes the account as it always does.
    With a database behind the cache nothing is added either: the account of the last run comes from there.

    Args:
        client: the live execution client.
        cache: the node's cache.
        config: the node's settings.
    """
    if config.cache is not None and config.cache.database is not None:
        return
    zero = Money(0, USDT)
    state = AccountState(
        account_id=client.account_id,
        account_type=client.account_type,
        base_currency=client.base_currency,
        reported=True,
        balances=[AccountBalance(zero, zero, zero)],
        margins=[],
        info={},
        event_id=UUID4(),
        ts_event=0,
        ts_init=0,
    )
    if not AccountFactory.create(state).calculate_account_state:
        return
    kind = CashAccount if client.account_type == AccountType.CASH else MarginAccount
    cache.add_account(kind(state, False))
