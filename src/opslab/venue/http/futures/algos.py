"""Conditional orders over the algo endpoints: place, cancel, ask.

Source: USD-M futures, "New Algo Order", "Cancel Algo Order", "Query Algo Order", "Current All Algo Open Orders",
"Query All Algo Orders", "Cancel All Algo Open Orders".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.http.futures.lookup import read_listing, read_maybe_symbol, read_target
from opslab.venue.http.futures.new_order import read_algo
from opslab.venue.http.futures.orders import ALL_CANCELLED, figures_for
from opslab.venue.http.futures.payloads_order import commanded_algo, found_algo
from opslab.venue.http.futures.spans import read_recent, read_span

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.orders import AlgoOrder

_ID_NAMES = ("algoId", "clientAlgoId")


def place_algo(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``POST /fapi/v1/algoOrder``."""
    command = read_algo(params)
    figures = figures_for(context, command.symbol)
    return commanded_algo(context.exchange.submit_algo(context.account, command), figures)


def cancel_algo(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``DELETE /fapi/v1/algoOrder``; its ``code`` is a text, as at Binance."""
    algo_id, client_id = read_target(params, *_ID_NAMES)
    algo = context.exchange.cancel_algo(context.account, algo_id=algo_id, client_algo_id=client_id)
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}


def cancel_all_algos(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``DELETE /fapi/v1/algoOpenOrders``."""
    context.exchange.cancel_all_algo(context.account, read_listing(context, params).symbol)
    return dict(ALL_CANCELLED)


def ask_algo(context: Context, params: Params) -> dict[str, Any]:
    """Answer ``GET /fapi/v1/algoOrder``."""
    algo_id, client_id = read_target(params, *_ID_NAMES)
    return _found(context, context.exchange.algo(context.account, algo_id=algo_id, client_algo_id=client_id))


def ask_open_algos(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/openAlgoOrders``."""
    wanted, kind = params.integer("algoId", None), params.text("algoType", "CONDITIONAL")
    algos = context.exchange.open_algos(context.account, read_maybe_symbol(context, params))
    return [
        _found(context, algo) for algo in algos if kind == "CONDITIONAL" and (wanted is None or algo.algo_id == wanted)
    ]


def ask_all_algos(context: Context, params: Params) -> list[dict[str, Any]]:
    """Answer ``GET /fapi/v1/allAlgoOrders``: with ``algoId`` the oldest from there on, else of the last seven days."""
    rows = context.exchange.algos(context.account, read_listing(context, params).symbol)
    since, page = params.integer("algoId", None), params.integer("page", 1, low=1)
    if since is None:
        found = read_recent(params, context.now_ms).pick(rows, lambda algo: algo.time_ms)
    else:
        span = read_span(params)
        found = [algo for algo in rows if algo.algo_id >= since][(page - 1) * span.limit : page * span.limit]
    return [_found(context, algo) for algo in found]


def _found(context: Context, algo: AlgoOrder) -> dict[str, Any]:
    symbol = algo.command.symbol
    order = context.exchange.order(context.account, symbol, order_id=algo.order_id) if algo.order_id else None
    return found_algo(algo, order, figures_for(context, symbol))
