"""What general clients ask of ``/sapi`` and other markets before they trade spot: true, mostly empty, answers.

Source: Binance, *Wallet endpoints* and *Margin market data*; a venue has one market, so the others list no symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.routing import Context, Route, Security
from opslab.venue.stream.figures import amount

if TYPE_CHECKING:
    from opslab.venue.http.params import Params


def coins(context: Context, _params: Params) -> list[dict[str, Any]]:
    """Answer the currencies of the listings and what the account has of them; nothing can be paid in or out."""
    view = context.exchange.account(context.account)
    listings = context.exchange.listings.values()
    names = dict.fromkeys(name for listing in listings for name in (listing.base, listing.quote))
    nothing = amount(view.asset("").wallet)
    return [
        {
            "coin": name,
            "name": name,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "trading": True,
            "isLegalMoney": False,
            "free": amount(view.asset(name).free),
            "locked": amount(view.asset(name).locked),
            "freeze": nothing,
            "withdrawing": nothing,
            "ipoing": nothing,
            "ipoable": nothing,
            "storage": nothing,
            "networkList": [],
        }
        for name in names
    ]


def account_status(_context: Context, _params: Params) -> dict[str, str]:
    """Answer that the account is well."""
    return {"data": "Normal"}


def system_status(_context: Context, _params: Params) -> dict[str, Any]:
    """Answer that the system is up."""
    return {"status": 0, "msg": "normal"}


def key_permissions(context: Context, _params: Params) -> dict[str, Any]:
    """Answer what the key may do: read and trade spot, never withdraw."""
    return {
        "ipRestrict": False,
        "createTime": context.now_ms,
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableWithdrawals": False,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "enableVanillaOptions": False,
    }


def no_entries(_context: Context, _params: Params) -> list[Any]:
    """Answer that there is none."""
    return []


def no_symbols(context: Context, _params: Params) -> dict[str, Any]:
    """Answer another market's exchange information: it has no symbols here."""
    return {
        "timezone": "UTC",
        "serverTime": context.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }


def _get(path: str, security: Security, handler: Any) -> Route:
    return Route("GET", path, security, 1, handler)


START_ROUTES = (
    _get("/sapi/v1/capital/config/getall", Security.SIGNED, coins),
    _get("/sapi/v1/account/status", Security.SIGNED, account_status),
    _get("/sapi/v1/account/apiRestrictions", Security.SIGNED, key_permissions),
    _get("/sapi/v1/system/status", Security.NONE, system_status),
    _get("/sapi/v1/margin/allAssets", Security.NONE, no_entries),
    _get("/sapi/v1/margin/allPairs", Security.NONE, no_entries),
    _get("/sapi/v1/margin/isolated/allPairs", Security.SIGNED, no_entries),
    _get("/fapi/v1/exchangeInfo", Security.NONE, no_symbols),
    _get("/dapi/v1/exchangeInfo", Security.NONE, no_symbols),
)
"""Routes that clients ask for when they start."""
