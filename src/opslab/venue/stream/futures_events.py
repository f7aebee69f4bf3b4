"""USD-M futures user stream: what an account is told of a change in the ledger.

``payloads(event, exchange)`` gives the messages of one ledger event in the order in which they leave, unwrapped
(``/ws``); a combined stream wraps each as ``{"stream": listenKey, "data": payload}``. ``payload["e"]`` names it. Whose
they are: ``opslab.venue.stream.owner.owner_of(event)``. Nothing here is told twice: a fill gives ``TRADE_LITE`` and
``ORDER_TRADE_UPDATE``; what it did to the account is an event of its own in the ledger.

Source: Binance, *USDS-Margined Futures, User Data Streams*.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.events import AccountChanged, AlgoChanged, MarginCalled, OrderChanged, SettingChanged
from opslab.venue.orders import OrderType
from opslab.venue.stream.algo_event import algo_update
from opslab.venue.stream.figures import amount, figures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.venue.events import LedgerEvent, PositionState
    from opslab.venue.exchange import Exchange
    from opslab.venue.orders import Order
    from opslab.venue.stream.figures import Figures
    from opslab.venue.views import PositionView

NOT_A_TRANSFER = frozenset({"ORDER", "MARGIN_TYPE_CHANGE", "ADL"})
"""Reasons whose change of balance is profit and commission, which ``bc`` leaves out."""


def order_trade_update(event: OrderChanged, figures: Figures) -> dict[str, Any]:
    """Return an ``ORDER_TRADE_UPDATE``; it has no commission where there was no fill."""
    order, command = event.order, event.order.command
    facts: dict[str, Any] = {
        "s": command.symbol,
        "c": order.client_order_id,
        "S": command.side.value,
        "o": _type_name(order, command.type),
        "f": command.time_in_force.value if command.time_in_force else "GTC",
        "q": figures.size(order.quantity),
        "p": figures.price(order.price),
        "ap": figures.mean(order.average_price) if order.executed else "0",
        "sp": figures.price(command.stop_price),
        "x": event.execution.value,
        "X": order.status.value,
        "i": order.order_id,
        **_last_fill(event, figures),
        "z": figures.size(order.executed),
        "T": event.time_ms,
        **_open_notional(order),
        "R": command.reduce_only,
        "wt": command.working_type,
        "ot": _type_name(order, order.orig_type),
        "ps": command.position_side.value,
        "cp": command.close_position,
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": command.stp_mode,
        "pm": "NONE",
        "gtd": command.good_till_ms or 0,
    }
    if order.orig_type is OrderType.TRAILING_STOP_MARKET:
        facts["AP"] = figures.price(command.activation_price)
        facts["cr"] = f"{command.callback_rate or Decimal(0):f}"
    return {"e": "ORDER_TRADE_UPDATE", "E": event.time_ms, "T": event.time_ms, "o": facts}


def _type_name(order: Order, kind: OrderType) -> str:
    """Binance calls the order with which it closes a position LIQUIDATION, whatever it works as."""
    return "LIQUIDATION" if order.client_order_id.startswith("autoclose-") else kind.value


def _last_fill(event: OrderChanged, figures: Figures) -> dict[str, Any]:
    fill = event.fill
    if fill is None:
        return {"l": figures.size(None), "L": figures.price(None), "t": 0, "m": False, "rp": "0"}
    return {
        "l": figures.size(fill.quantity),
        "L": figures.price(fill.price),
        "N": fill.commission_asset,
        "n": amount(fill.commission),
        "t": fill.trade_id,
        "m": fill.is_maker,
        "rp": amount(fill.realized),
    }


def _open_notional(order: Order) -> dict[str, str]:
    is_open = order.status.is_open
    notional = amount(order.leaves * order.price) if is_open else "0"
    is_buy = order.command.side.sign > 0
    return {"b": notional if is_buy else "0", "a": "0" if is_buy else notional}


def trade_lite(event: OrderChanged, figures: Figures) -> dict[str, Any] | None:
    """Return a ``TRADE_LITE``, the short report of a fill; None for any other change."""
    order, fill = event.order, event.fill
    if fill is None:
        return None
    return {
        "e": "TRADE_LITE",
        "E": event.time_ms,
        "T": event.time_ms,
        "s": fill.symbol,
        "q": figures.size(order.quantity),
        "p": figures.price(order.price),
        "m": fill.is_maker,
        "c": order.client_order_id,
        "S": fill.side.value,
        "L": figures.price(fill.price),
        "l": figures.size(fill.quantity),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def account_update(event: AccountChanged, exchange: Exchange) -> dict[str, Any]:
    """Return an ``ACCOUNT_UPDATE``: the currencies and positions that changed.

    ``bc`` is the change apart from profit and commission, so zero for a trade.
    """
    views = {(view.symbol, view.side): view for view in exchange.positions(event.account, flat=True)}
    isolated: dict[str, Decimal] = {}
    for view in views.values():
        isolated[view.settlement] = isolated.get(view.settlement, Decimal(0)) + _isolated_wallet(view)
    balances = [
        {
            "a": state.asset,
            "wb": amount(state.wallet),
            "cw": amount(state.wallet - isolated.get(state.asset, Decimal(0))),
            "bc": "0" if event.reason in NOT_A_TRANSFER else amount(state.change),
        }
        for state in event.balances
    ]
    positions = [_position(state, views.get((state.symbol, state.side)), exchange) for state in event.positions]
    return _account_update(event.time_ms, event.reason, balances, positions)


def _account_update(
    time_ms: int, reason: str, balances: list[dict[str, str]], positions: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "e": "ACCOUNT_UPDATE",
        "E": time_ms,
        "T": time_ms,
        "a": {"m": reason, "B": balances, "P": positions},
    }


def _isolated_wallet(view: PositionView) -> Decimal:
    return view.initial_margin if view.margin_type == "ISOLATED" else Decimal(0)


def _position(state: PositionState, view: PositionView | None, exchange: Exchange) -> dict[str, str]:
    figures = figures_of(exchange.listings[state.symbol].instrument)
    return {
        "s": state.symbol,
        "pa": figures.size(state.amount),
        "ep": figures.mean(state.entry_price),
        "bep": figures.mean(view.break_even_price if view else state.entry_price),
        "cr": amount(state.realized),
        "up": amount(state.unrealized),
        "mt": "isolated" if view and view.margin_type == "ISOLATED" else "cross",
        "iw": amount(_isolated_wallet(view)) if view else "0",
        "ps": state.side,
    }


def setting_changed(event: SettingChanged) -> dict[str, Any] | None:
    """Return ``ACCOUNT_CONFIG_UPDATE`` for a leverage and ``ACCOUNT_UPDATE`` for a margin type; None for the rest.

    Binance says nothing about a change between one-way and hedge mode.
    """
    if event.setting == "leverage":
        return {
            "e": "ACCOUNT_CONFIG_UPDATE",
            "E": event.time_ms,
            "T": event.time_ms,
            "ac": {"s": event.symbol, "l": int(event.value)},
        }
    if event.setting != "margin_type":
        return None
    return _account_update(event.time_ms, "MARGIN_TYPE_CHANGE", [], [])


def margin_call(
    time_ms: int, cross_wallet: Decimal, positions: Sequence[PositionView], exchange: Exchange
) -> dict[str, Any]:
    """Return a ``MARGIN_CALL`` for positions whose margin runs out.

    Args:
        time_ms: when.
        cross_wallet: wallet balance of the cross margin, in settlement currency.
        positions: the positions in danger.
        exchange: knows how the numbers of a symbol are written.
    """
    endangered = []
    for view in positions:
        figures = figures_of(exchange.listings[view.symbol].instrument)
        endangered.append(
            {
                "s": view.symbol,
                "ps": view.side,
                "pa": figures.size(view.amount),
                "mt": view.margin_type,
                "iw": amount(_isolated_wallet(view)),
                "mp": amount(view.mark),
                "up": amount(view.unrealized),
                "mm": amount(view.maintenance),
            }
        )
    return {"e": "MARGIN_CALL", "E": time_ms, "cw": amount(cross_wallet), "p": endangered}


def listen_key_expired(listen_key: str, time_ms: int) -> dict[str, Any]:
    """Return what a user stream sends last."""
    return {"e": "listenKeyExpired", "E": time_ms, "listenKey": listen_key}


def payloads(event: LedgerEvent, exchange: Exchange) -> list[dict[str, Any]]:
    """Return the messages of a ledger event, in the order in which they leave; none for what is not reported."""
    if isinstance(event, OrderChanged):
        figures = figures_of(exchange.listings[event.order.command.symbol].instrument)
        lite = trade_lite(event, figures)
        return [*([lite] if lite else []), order_trade_update(event, figures)]
    if isinstance(event, AlgoChanged):
        return [algo_update(event, exchange)]
    if isinstance(event, AccountChanged):
        return [account_update(event, exchange)]
    if isinstance(event, MarginCalled):
        views = [view for view in exchange.positions(event.account) if (view.symbol, view.side) in event.positions]
        return [margin_call(event.time_ms, event.cross_wallet, views, exchange)]
    update = setting_changed(event)
    return [update] if update else []
