"""What a market asks of a new order before it enters the books; ``check`` refuses or changes nothing at all."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from opslab.venue.filters import needed, unwanted
from opslab.venue.orders import OrderType, Side, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.account import Account
    from opslab.venue.orders import NewOrder
    from opslab.venue.pairs import Pair

CLIENT_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
STP_MODES = frozenset({"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})
PRICED = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.STOP,
        OrderType.TAKE_PROFIT,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)


class Rules(ABC):
    """The rules of one market."""

    @abstractmethod
    def check(self, account: Account, pair: Pair, command: NewOrder, now_ms: int) -> None:
        """Check a new order against everything that may refuse it.

        Raises:
            Refusal: with the market's code.
        """


def would_take(pair: Pair, side: Side, price: Decimal) -> bool:
    """Return whether a limit order would trade at once."""
    best = pair.book.opposite(side).best_price()
    return best is not None and (best <= price if side is Side.BUY else best >= price)


def expected_price(pair: Pair, command: NewOrder) -> Decimal:
    """Return the price that an order is valued at: its own, else its trigger, the best opposite or the mark price."""
    own = command.price or command.stop_price
    if own is not None:
        return own
    return pair.book.opposite(command.side).best_price() or pair.mark_price


def check_prices(command: NewOrder, *, is_priced: bool, has_stop: bool) -> None:
    """Check that the prices came that the type needs, and no other.

    Raises:
        Refusal: -1102 missing, -1106 not required, -1100 not a number.
    """
    if is_priced:
        needed("price", command.price)
    else:
        unwanted("price", command.price)
    if has_stop:
        needed("stopPrice", command.stop_price)
    else:
        unwanted("stopPrice", command.stop_price)


def check_lifetime(command: NewOrder, allowed: frozenset[TimeInForce], *, is_wanted: bool) -> None:
    """Check the time in force.

    Raises:
        Refusal: -1102 missing, -1106 not required, -1115 unknown to the market.
    """
    lifetime = command.time_in_force
    if lifetime is None and is_wanted:
        raise Refusal(-1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.")
    if lifetime is not None and lifetime not in allowed:
        raise Refusal(-1115, "Invalid timeInForce.")
    if not is_wanted:
        unwanted("timeInForce", lifetime)
