"""The account over REST: balances, positions, settings, incomes and the user stream's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures import payloads_account as payloads
from opslab.venue.http.futures.lookup import read_listing, read_maybe_symbol
from opslab.venue.http.futures.orders import figures_for
from opslab.venue.http.futures.payloads_info import brackets
from opslab.venue.http.futures.spans import read_recent
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context, Handler, ListenKeys
    from opslab.venue.views import PositionView

_DONE = {"code": 200, "msg": "success"}
_INCOME_PAGE = 100


def ask_account(version: int) -> Handler:
    """Return the handler of ``GET /fapi/v2/account`` or ``/fapi/v3/account``."""

    def answer(context: Context, _params: Params) -> dict[str, Any]:
        view = context.exchange.account(context.account)
        updated = view.update_ms or context.now_ms
        rows = _positions(context, None) if version == 2 else _open_positions(context, None)  # noqa: PLR2004
        facts = payloads.totals(view.assets) | {
            "assets": [payloads.asset(asset, updated) for asset in view.assets],
            "positions": [
                payloads.account_position(row, figures_for(context, row.symbol), version=version) for row in rows
            ],
        }
        return payloads.permissions(view) | facts if version == 2 else facts  # noqa: PLR2004

    return answer


def ask_balance(context: Context, _params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v2/balance`` and ``/fapi/v3/balance``."""
    view = context.exchange.account(context.account)
    updated = view.update_ms or context.now_ms
    return [payloads.balance(asset, view.name, updated) for asset in view.assets]


def ask_position_risk(version: int) -> Handler:
    """Return the handler of ``GET /fapi/v2/positionRisk`` (every symbol) or that of version 3 (those in use)."""

    def answer(context: Context, params: Params) -> list[dict[str, Any]]:
        symbol = read_maybe_symbol(context, params)
        rows = _positions(context, symbol) if version == 2 else _open_positions(context, symbol)  # noqa: PLR2004
        return [payloads.position_risk(row, figures_for(context, row.symbol), version=version) for row in rows]

    return answer


def _positions(context: Context, symbol: str | None) -> list[PositionView]:
    return context.exchange.positions(context.account, symbol, flat=True)


def _open_positions(context: Context, symbol: str | None) -> list[PositionView]:
    """Return the positions that are held, or that open orders may change."""
    busy = {order.command.symbol for order in context.exchange.open_orders(context.account, symbol)}
    return [row for row in _positions(context, symbol) if row.amount or row.symbol in busy]


def set_leverage(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/leverage``."""
    symbol, leverage = read_listing(context, params).symbol, params.integer("leverage")
    context.exchange.set_leverage(context.account, symbol, leverage)
    return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": payloads.MAX_NOTIONAL}


def set_margin_type(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/marginType``."""
    symbol, wanted = read_listing(context, params).symbol, params.choice("marginType", ("ISOLATED", "CROSSED"))
    context.exchange.set_margin_type(context.account, symbol, wanted)
    return dict(_DONE)


def set_hedge_mode(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/positionSide/dual``."""
    context.exchange.set_hedge_mode(context.account, params.flag("dualSidePosition"))
    return dict(_DONE)


def ask_hedge_mode(context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/positionSide/dual``."""
    return {"dualSidePosition": context.exchange.account(context.account).is_hedge_mode}


def ask_multi_assets(_context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/multiAssetsMargin``: the venue has single-asset mode only."""
    return {"multiAssetsMargin": False}


def ask_brackets(context: Context, params: Params) -> Any:
    """Answer ``GET /fapi/v1/leverageBracket``: one symbol's as an object, all as a list."""
    if "symbol" in params:
        return brackets(read_listing(context, params))
    return [brackets(listing) for listing in context.exchange.listings.values()]


def ask_commission(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/commissionRate``."""
    symbol, view = read_listing(context, params).symbol, context.exchange.account(context.account)
    return {
        "symbol": symbol,
        "makerCommissionRate": f"{view.maker_fees[symbol]:f}",
        "takerCommissionRate": f"{view.taker_fees[symbol]:f}",
    }


def ask_symbol_config(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/symbolConfig``."""
    view, wanted = context.exchange.account(context.account), read_maybe_symbol(context, params)
    symbols = list(context.exchange.listings) if wanted is None else [wanted]
    return [payloads.symbol_config(symbol, view.margin_types[symbol], view.leverage[symbol]) for symbol in symbols]


def ask_account_config(context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/accountConfig``."""
    view = context.exchange.account(context.account)
    return payloads.permissions(view) | {"dualSidePosition": view.is_hedge_mode}


def ask_incomes(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/income``: of the last seven days, unless ``startTime`` or ``endTime`` says otherwise."""
    symbol, kind = read_maybe_symbol(context, params), params.text("incomeType", None)
    rows = [
        row
        for row in context.exchange.incomes(context.account)
        if (symbol is None or row.symbol == symbol) and (kind is None or row.kind == kind)
    ]
    page = read_recent(params, context.now_ms, default=_INCOME_PAGE).pick(rows, lambda row: row.time_ms)
    return [payloads.income(row) for row in page]


def create_listen_key(context: Context, _params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/listenKey``."""
    return {"listenKey": _keys(context).create(context.account)}


def keep_listen_key(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``PUT /fapi/v1/listenKey``; futures have one key an account, so naming it is optional."""
    return {"listenKey": _keys(context).keepalive(context.account, params.text("listenKey", None))}


def close_listen_key(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``DELETE /fapi/v1/listenKey``."""
    _keys(context).close(context.account, params.text("listenKey", None))
    return {}


def _keys(context: Context) -> ListenKeys:
    if context.listen_keys is None:
        raise Refusal(-1125, "This listenKey does not exist.")
    return context.listen_keys
