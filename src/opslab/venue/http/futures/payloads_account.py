"""Balances, positions and incomes as the REST API answers them.

Source: USD-M futures, "Account Information" V2 and V3, "Futures Account Balance" V2 and V3, "Position Information" V2
and V3, "Get Income History".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures.payloads_info import UNLIMITED
from opslab.venue.stream.figures import amount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.stream.figures import Figures
    from opslab.venue.views import AccountView, AssetView, Income, PositionView

MAX_NOTIONAL = f"{UNLIMITED:f}"
_ISOLATED = "ISOLATED"
_ZERO = Decimal(0)


def asset(view: AssetView, updated_ms: int) -> dict[str, Any]:
    """Return a currency of an account.

    Args:
        view: what it has.
        updated_ms: told instead of zero: clients skip a currency that never changed.
    """
    return {
        "asset": view.asset,
        "walletBalance": amount(view.wallet),
        "unrealizedProfit": amount(view.unrealized),
        "marginBalance": amount(view.margin_balance),
        "maintMargin": amount(view.maintenance),
        "initialMargin": amount(view.initial_margin),
        "positionInitialMargin": amount(view.position_margin),
        "openOrderInitialMargin": amount(view.order_margin),
        "crossWalletBalance": amount(view.wallet),
        "crossUnPnl": amount(view.unrealized),
        "availableBalance": amount(view.available),
        "maxWithdrawAmount": amount(withdrawable(view)),
        "marginAvailable": True,
        "updateTime": view.update_ms or updated_ms,
    }


def balance(view: AssetView, alias: str, updated_ms: int) -> dict[str, Any]:
    """Return a currency as the balance endpoints answer it."""
    return {
        "accountAlias": alias,
        "asset": view.asset,
        "balance": amount(view.wallet),
        "crossWalletBalance": amount(view.wallet),
        "crossUnPnl": amount(view.unrealized),
        "availableBalance": amount(view.available),
        "maxWithdrawAmount": amount(withdrawable(view)),
        "marginAvailable": True,
        "updateTime": view.update_ms or updated_ms,
    }


def withdrawable(view: AssetView) -> Decimal:
    """Return what could leave the account: what is available, unrealised profit not counted."""
    return max(min(view.available, view.available - view.unrealized), _ZERO)


def totals(assets: Iterable[AssetView]) -> dict[str, Any]:
    """Return the account's totals; every settlement currency counts as one dollar."""
    rows = list(assets)

    def total(name: str) -> str:
        return amount(sum((getattr(row, name) for row in rows), _ZERO))

    return {
        "totalInitialMargin": total("initial_margin"),
        "totalMaintMargin": total("maintenance"),
        "totalWalletBalance": total("wallet"),
        "totalUnrealizedProfit": total("unrealized"),
        "totalMarginBalance": total("margin_balance"),
        "totalPositionInitialMargin": total("position_margin"),
        "totalOpenOrderInitialMargin": total("order_margin"),
        "totalCrossWalletBalance": total("wallet"),
        "totalCrossUnPnl": total("unrealized"),
        "availableBalance": total("available"),
        "maxWithdrawAmount": amount(sum((withdrawable(row) for row in rows), _ZERO)),
    }


def permissions(view: AccountView) -> dict[str, Any]:
    """Return what version 2 of the account tells besides the money."""
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": view.can_trade,
        "canDeposit": True,
        "canWithdraw": True,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        "updateTime": view.update_ms,
    }


def account_position(view: PositionView, figures: Figures, *, version: int) -> dict[str, Any]:
    """Return a position as the account endpoints answer it.

    Args:
        view: the position.
        figures: writes its numbers.
        version: 2 or 3 of the endpoint.
    """
    facts: dict[str, Any] = {
        "symbol": view.symbol,
        "positionSide": view.side,
        "positionAmt": figures.size(view.amount),
        "unrealizedProfit": amount(view.unrealized),
        "notional": amount(view.notional),
        "isolatedWallet": amount(_isolated_wallet(view)),
        "initialMargin": amount(view.initial_margin + view.order_margin),
        "maintMargin": amount(view.maintenance),
        "updateTime": view.update_ms,
    }
    if version > 2:  # noqa: PLR2004 - the endpoint's version
        return facts | {"isolatedMargin": amount(_isolated_margin(view))}
    return facts | {
        "positionInitialMargin": amount(view.initial_margin),
        "openOrderInitialMargin": amount(view.order_margin),
        "leverage": str(view.leverage),
        "isolated": view.margin_type == _ISOLATED,
        "entryPrice": figures.mean(view.entry_price),
        "breakEvenPrice": figures.mean(view.break_even_price),
        "maxNotional": MAX_NOTIONAL,
        "bidNotional": amount(_ZERO),
        "askNotional": amount(_ZERO),
    }


def position_risk(view: PositionView, figures: Figures, *, version: int) -> dict[str, Any]:
    """Return a position as the positionRisk endpoints answer it; arguments as ``account_position``."""
    facts: dict[str, Any] = {
        "symbol": view.symbol,
        "positionSide": view.side,
        "positionAmt": figures.size(view.amount),
        "entryPrice": figures.mean(view.entry_price),
        "breakEvenPrice": figures.mean(view.break_even_price),
        "markPrice": amount(view.mark),
        "unRealizedProfit": amount(view.unrealized),
        "liquidationPrice": figures.mean(view.liquidation_price) if view.liquidation_price else "0",
        "isolatedMargin": amount(_isolated_margin(view)),
        "notional": amount(view.notional),
        "isolatedWallet": amount(_isolated_wallet(view)),
        "updateTime": view.update_ms,
    }
    if version == 2:  # noqa: PLR2004 - the endpoint's version
        return facts | {
            "leverage": str(view.leverage),
            "maxNotionalValue": MAX_NOTIONAL,
            "marginType": "isolated" if view.margin_type == _ISOLATED else "cross",
            "isAutoAddMargin": "false",
        }
    return facts | {
        "marginAsset": view.settlement,
        "initialMargin": amount(view.initial_margin + view.order_margin),
        "maintMargin": amount(view.maintenance),
        "positionInitialMargin": amount(view.initial_margin),
        "openOrderInitialMargin": amount(view.order_margin),
        "adl": 0,
        "bidNotional": amount(_ZERO),
        "askNotional": amount(_ZERO),
    }


def symbol_config(symbol: str, margin_type: str, leverage: int) -> dict[str, Any]:
    """Return an account's settings of a symbol."""
    return {
        "symbol": symbol,
        "marginType": margin_type,
        "isAutoAddMargin": False,
        "leverage": leverage,
        "maxNotionalValue": MAX_NOTIONAL,
    }


def income(row: Income) -> dict[str, Any]:
    """Return a change of the wallet."""
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": amount(row.amount),
        "asset": row.asset,
        "info": str(row.trade_id) if row.trade_id else row.kind,
        "time": row.time_ms,
        "tranId": row.id,
        "tradeId": str(row.trade_id) if row.trade_id else "",
    }


def _isolated_wallet(view: PositionView) -> Decimal:
    return view.initial_margin if view.margin_type == _ISOLATED else _ZERO


def _isolated_margin(view: PositionView) -> Decimal:
    return view.initial_margin + view.unrealized if view.margin_type == _ISOLATED else _ZERO
