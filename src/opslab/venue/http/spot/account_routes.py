"""Spot accounts: handlers and routes. Source: Binance, *Account endpoints*; weights are given there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.http.routing import Context, Route, Security
from opslab.venue.http.spot.symbols import one
from opslab.venue.refusal import Refusal
from opslab.venue.stream.figures import amount

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import ListenKeys
    from opslab.venue.views import AccountView

_ZERO = Decimal(0)
_BASIS_POINTS = 10_000
_NO_RATES = {"maker": amount(_ZERO), "taker": amount(_ZERO), "buyer": amount(_ZERO), "seller": amount(_ZERO)}


def account(context: Context, params: Params) -> dict[str, Any]:
    """Answer balances and permissions; commission rates are the highest of any symbol."""
    view = context.exchange.account(context.account)
    hides_zeros = params.flag("omitZeroBalances", False)
    maker, taker = max(view.maker_fees.values(), default=_ZERO), max(view.taker_fees.values(), default=_ZERO)
    return {
        "makerCommission": int(maker * _BASIS_POINTS),
        "takerCommission": int(taker * _BASIS_POINTS),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(maker, taker),
        "canTrade": view.can_trade,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": view.update_ms,
        "accountType": "SPOT",
        "balances": _balances(view, hides_zeros=hides_zeros),
        "permissions": ["SPOT"],
        "uid": context.exchange.account_names.index(context.account) + 1,
    }


def _balances(view: AccountView, *, hides_zeros: bool) -> list[dict[str, str]]:
    return [
        {"asset": each.asset, "free": amount(each.free), "locked": amount(each.locked)}
        for each in view.assets
        if each.wallet or not hides_zeros
    ]


def _rates(maker: Decimal, taker: Decimal) -> dict[str, str]:
    return _NO_RATES | {"maker": amount(maker), "taker": amount(taker)}


def commission(context: Context, params: Params) -> dict[str, Any]:
    """Answer what trading a symbol costs."""
    listing = one(context, params)
    view = context.exchange.account(context.account)
    return {
        "symbol": listing.symbol,
        "standardCommission": _rates(view.maker_fees[listing.symbol], view.taker_fees[listing.symbol]),
        "specialCommission": _NO_RATES,
        "taxCommission": _NO_RATES,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0"},
    }


def trade_fee(context: Context, params: Params) -> list[dict[str, str]]:
    """Answer what trading costs, of one symbol or of all, always as a list."""
    view = context.exchange.account(context.account)
    symbols = [one(context, params).symbol] if "symbol" in params else list(context.exchange.listings)
    return [
        {
            "symbol": symbol,
            "makerCommission": f"{view.maker_fees[symbol]:f}",
            "takerCommission": f"{view.taker_fees[symbol]:f}",
        }
        for symbol in symbols
    ]


def order_counts(context: Context, _params: Params) -> list[dict[str, Any]]:
    """Answer how many orders the account has placed of what it may."""
    return context.limiter.order_counts(context.account)


def create_listen_key(context: Context, _params: Params) -> dict[str, str]:
    """Begin a user stream, or prolong it.

    Binance has retired these endpoints for spot (410); they stay for clients that still use them.
    """
    return {"listenKey": _keys(context).create(context.account)}


def prolong_listen_key(context: Context, params: Params) -> dict[str, Any]:
    """Prolong a user stream."""
    _keys(context).keepalive(context.account, params.text("listenKey"))
    return {}


def close_listen_key(context: Context, params: Params) -> dict[str, Any]:
    """End a user stream."""
    _keys(context).close(context.account, params.text("listenKey"))
    return {}


def _keys(context: Context) -> ListenKeys:
    if context.listen_keys is None:
        raise Refusal(-1016, "This service is no longer available.", 410)
    return context.listen_keys


def _signed(path: str, weight: int, handler: Any, *names: str) -> Route:
    return Route("GET", path, Security.SIGNED, weight, handler, names=frozenset(names))


def _keyed(method: str, handler: Any, *names: str) -> Route:
    return Route(method, "/api/v3/userDataStream", Security.KEY, 2, handler, names=frozenset(names))


ACCOUNT_ROUTES = (
    _signed("/api/v3/account", 20, account, "omitZeroBalances"),
    _signed("/api/v3/account/commission", 20, commission, "symbol"),
    _signed("/api/v3/rateLimit/order", 40, order_counts),
    _signed("/sapi/v1/asset/tradeFee", 1, trade_fee, "symbol"),
    _keyed("POST", create_listen_key),
    _keyed("PUT", prolong_listen_key, "listenKey"),
    _keyed("DELETE", close_listen_key, "listenKey"),
)
"""Routes of an account."""
