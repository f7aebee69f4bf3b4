"""Every USD-M futures endpoint of the venue, with what it demands and costs.

Weights are those of Binance's documentation of each endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.futures import account, algos, batches, market_data, orders
from opslab.venue.http.routing import Route, Security

if TYPE_CHECKING:
    from opslab.venue.http.params import Params

_NONE, _KEY, _SIGNED = Security.NONE, Security.KEY, Security.SIGNED
_V1 = "/fapi/v1"


def _depth_weight(params: Params) -> int:
    limit = market_data.read_depth_limit(params)
    return next(weight for most, weight in ((50, 2), (100, 5), (500, 10), (1000, 20)) if limit <= most)


def _kline_weight(params: Params) -> int:
    limit = params.integer("limit", 500)
    return next((weight for most, weight in ((99, 1), (499, 2), (1000, 5)) if limit <= most), 10)


class _ByScope:
    """Costs less for one symbol than for all."""

    def __init__(self, one: int, every: int) -> None:
        self._one, self._every = one, every

    def __call__(self, params: Params) -> int:
        return self._one if "symbol" in params else self._every


def _market() -> list[Route]:
    return [
        Route("GET", f"{_V1}/ping", _NONE, 1, market_data.ping),
        Route("GET", f"{_V1}/time", _NONE, 1, market_data.time),
        Route("GET", f"{_V1}/exchangeInfo", _NONE, 1, market_data.info, is_bulk=True),
        Route("GET", f"{_V1}/depth", _NONE, _depth_weight, market_data.depth, is_bulk=True),
        Route("GET", f"{_V1}/trades", _NONE, 5, market_data.trades, is_bulk=True),
        Route("GET", f"{_V1}/historicalTrades", _KEY, 20, market_data.historical_trades, is_bulk=True),
        Route("GET", f"{_V1}/aggTrades", _NONE, 20, market_data.aggregate_trades, is_bulk=True),
        Route("GET", f"{_V1}/klines", _NONE, _kline_weight, market_data.klines, is_bulk=True),
        Route("GET", f"{_V1}/premiumIndex", _NONE, _ByScope(1, 10), market_data.premium_index),
        Route("GET", f"{_V1}/fundingRate", _NONE, 1, market_data.funding_rates, is_bulk=True),
        Route("GET", f"{_V1}/fundingInfo", _NONE, 1, market_data.funding_info, is_bulk=True),
        Route("GET", f"{_V1}/ticker/24hr", _NONE, _ByScope(1, 40), market_data.day_ticker),
        Route("GET", f"{_V1}/ticker/price", _NONE, _ByScope(1, 2), market_data.price_ticker),
        Route("GET", "/fapi/v2/ticker/price", _NONE, _ByScope(1, 2), market_data.price_ticker),
        Route("GET", f"{_V1}/ticker/bookTicker", _NONE, _ByScope(2, 5), market_data.book_ticker),
    ]


def _trading() -> list[Route]:
    return [
        Route("POST", f"{_V1}/order", _SIGNED, 0, orders.place, orders=1),
        Route("PUT", f"{_V1}/order", _SIGNED, 0, orders.amend, orders=1),
        Route("DELETE", f"{_V1}/order", _SIGNED, 1, orders.cancel),
        Route("GET", f"{_V1}/order", _SIGNED, 1, orders.ask),
        Route("POST", f"{_V1}/order/test", _SIGNED, 1, orders.test),
        Route("POST", f"{_V1}/batchOrders", _SIGNED, 5, batches.place_batch, orders=batches.batch_size),
        Route("PUT", f"{_V1}/batchOrders", _SIGNED, 5, batches.amend_batch, orders=batches.batch_size),
        Route("DELETE", f"{_V1}/batchOrders", _SIGNED, 1, batches.cancel_batch),
        Route("GET", f"{_V1}/openOrder", _SIGNED, 1, orders.ask_open),
        Route("GET", f"{_V1}/openOrders", _SIGNED, _ByScope(1, 40), orders.ask_all_open),
        Route("GET", f"{_V1}/allOrders", _SIGNED, 5, orders.ask_all),
        Route("DELETE", f"{_V1}/allOpenOrders", _SIGNED, 1, orders.cancel_all),
        Route("POST", f"{_V1}/countdownCancelAll", _SIGNED, 10, orders.count_down),
        Route("GET", f"{_V1}/userTrades", _SIGNED, 5, orders.ask_fills),
        Route("GET", f"{_V1}/rateLimit/order", _SIGNED, 1, orders.ask_order_limits),
        Route("POST", f"{_V1}/algoOrder", _SIGNED, 0, algos.place_algo, orders=1),
        Route("DELETE", f"{_V1}/algoOrder", _SIGNED, 1, algos.cancel_algo),
        Route("GET", f"{_V1}/algoOrder", _SIGNED, 1, algos.ask_algo),
        Route("GET", f"{_V1}/openAlgoOrders", _SIGNED, _ByScope(1, 40), algos.ask_open_algos),
        Route("GET", f"{_V1}/allAlgoOrders", _SIGNED, 5, algos.ask_all_algos),
        Route("DELETE", f"{_V1}/algoOpenOrders", _SIGNED, 1, algos.cancel_all_algos),
    ]


def _account() -> list[Route]:
    return [
        Route("GET", "/fapi/v2/account", _SIGNED, 5, account.ask_account(2)),
        Route("GET", "/fapi/v3/account", _SIGNED, 5, account.ask_account(3)),
        Route("GET", "/fapi/v2/balance", _SIGNED, 5, account.ask_balance),
        Route("GET", "/fapi/v3/balance", _SIGNED, 5, account.ask_balance),
        Route("GET", "/fapi/v2/positionRisk", _SIGNED, 5, account.ask_position_risk(2)),
        Route("GET", "/fapi/v3/positionRisk", _SIGNED, 5, account.ask_position_risk(3)),
        Route("POST", f"{_V1}/leverage", _SIGNED, 1, account.set_leverage),
        Route("POST", f"{_V1}/marginType", _SIGNED, 1, account.set_margin_type),
        Route("POST", f"{_V1}/positionSide/dual", _SIGNED, 1, account.set_hedge_mode),
        Route("GET", f"{_V1}/positionSide/dual", _SIGNED, 30, account.ask_hedge_mode),
        Route("GET", f"{_V1}/multiAssetsMargin", _SIGNED, 30, account.ask_multi_assets),
        Route("GET", f"{_V1}/leverageBracket", _SIGNED, 1, account.ask_brackets),
        Route("GET", f"{_V1}/commissionRate", _SIGNED, 20, account.ask_commission),
        Route("GET", f"{_V1}/symbolConfig", _SIGNED, 5, account.ask_symbol_config),
        Route("GET", f"{_V1}/accountConfig", _SIGNED, 5, account.ask_account_config),
        Route("GET", f"{_V1}/income", _SIGNED, 30, account.ask_incomes),
        Route("POST", f"{_V1}/listenKey", _KEY, 1, account.create_listen_key),
        Route("PUT", f"{_V1}/listenKey", _KEY, 1, account.keep_listen_key),
        Route("DELETE", f"{_V1}/listenKey", _KEY, 1, account.close_listen_key),
    ]


def futures_routes() -> list[Route]:
    """Return the whole table, for a ``Desk``."""
    return [*_market(), *_trading(), *_account()]
