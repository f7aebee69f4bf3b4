"""The final books as JSON types, for ``ledger.json`` and for drills in other processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.digest import plain

if TYPE_CHECKING:
    from opslab.venue.account import Account
    from opslab.venue.core import Core
    from opslab.venue.orders import Market


def snapshot(market: Market, core: Core, time_ms: int, digest: str) -> dict[str, Any]:
    """Return the books: decimals as text, times in Unix milliseconds.

    Args:
        market: futures or spot.
        core: the exchange's parts.
        time_ms: now.
        digest: the ledger's.
    """
    return {
        "market": str(market),
        "time_ms": time_ms,
        "digest": digest,
        "events": len(core.ledger.log),
        "symbols": {
            symbol: {
                "status": str(pair.listing.status),
                "last_price": plain(pair.last_price),
                "tick_size": plain(pair.listing.instrument.tick_size),
                "step_size": plain(pair.listing.instrument.step_size),
            }
            for symbol, pair in core.pairs.items()
        },
        "accounts": {name: _account(account) for name, account in core.accounts.items()},
    }


def _account(account: Account) -> dict[str, Any]:
    view = account.view()
    return {
        "balances": {
            asset.asset: {"wallet": plain(asset.wallet), "locked": plain(asset.locked)} for asset in view.assets
        },
        "positions": [plain(position) for position in view.positions if position.amount],
        "orders": [plain(order) for order in account.orders.values()],
        "algos": [plain(algo) for algo in account.algos.values()],
        "fills": [plain(fill) for fill in account.fills],
        "settings": {
            "hedge_mode": view.is_hedge_mode,
            "leverage": view.leverage,
            "margin_types": view.margin_types,
        },
    }
