"""``ALGO_UPDATE``: what the futures user stream says of a conditional order.

Source: Binance, *Event: Algo Order Update*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.orders import AlgoStatus
from opslab.venue.stream.figures import figures_of

if TYPE_CHECKING:
    from opslab.venue.events import AlgoChanged
    from opslab.venue.exchange import Exchange
    from opslab.venue.orders import AlgoOrder
    from opslab.venue.stream.figures import Figures

TRIGGERED = frozenset({AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED, AlgoStatus.FINISHED})


def algo_update(event: AlgoChanged, exchange: Exchange) -> dict[str, Any]:
    """Return an ``ALGO_UPDATE``.

    ``ai`` and ``act`` are empty before it became an order; ``ap`` and ``aq`` are what that order was filled at and
    with by now.
    """
    algo, command = event.algo, event.algo.command
    figures = figures_of(exchange.listings[command.symbol].instrument)
    facts: dict[str, Any] = {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": command.type.value,
        "s": command.symbol,
        "S": command.side.value,
        "ps": command.position_side.value,
        "f": command.time_in_force.value if command.time_in_force else "GTC",
        "q": figures.size(command.quantity),
        "X": algo.status.value,
        **_order(algo, exchange, figures),
        "tp": figures.price(command.stop_price or command.activation_price),
        "p": figures.price(command.price) if command.price else "0",
        "V": command.stp_mode,
        "wt": command.working_type,
        "pm": "NONE",
        "cp": command.close_position,
        "pP": False,
        "R": command.reduce_only,
        "tt": algo.update_ms if algo.status in TRIGGERED else 0,
        "gtd": command.good_till_ms or 0,
    }
    if command.callback_rate is not None:
        facts["cr"] = f"{command.callback_rate:f}"
    return {"e": "ALGO_UPDATE", "E": event.time_ms, "T": event.time_ms, "o": facts}


def _order(algo: AlgoOrder, exchange: Exchange, figures: Figures) -> dict[str, str]:
    if not algo.order_id:
        return {"ai": "", "ap": "0", "aq": "0", "act": ""}
    order = exchange.order(algo.account, algo.command.symbol, order_id=algo.order_id)
    return {
        "ai": str(order.order_id),
        "ap": figures.mean(order.average_price) if order.executed else "0",
        "aq": figures.size(order.executed) if order.executed else "0",
        "act": order.command.type.value,
    }
