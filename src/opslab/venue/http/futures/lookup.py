"""What several handlers read from their parameters: the symbol, and which order is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.params import SYMBOL
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.listing import Listing


def listed(context: Context, symbol: str) -> Listing:
    """Return a symbol's listing.

    Raises:
        Refusal: -1121.
    """
    found = context.exchange.listings.get(symbol)
    if found is None:
        raise Refusal(-1121, "Invalid symbol.")
    return found


def read_listing(context: Context, params: Params) -> Listing:
    """Return the listing of the ``symbol`` parameter.

    Raises:
        Refusal: -1102 not sent, -1100 illegal characters, -1121 unknown.
    """
    return listed(context, params.text("symbol", pattern=SYMBOL))


def read_maybe_symbol(context: Context, params: Params) -> str | None:
    """Return the ``symbol`` parameter, None where it was not sent; refusals as ``read_listing``."""
    return read_listing(context, params).symbol if "symbol" in params else None


def read_target(
    params: Params, number: str = "orderId", text: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """Return the order's number and its client id, one of them perhaps None.

    Args:
        params: of the request.
        number: name of the parameter with the venue's id.
        text: name of the parameter with the client's id.

    Raises:
        Refusal: -1102 when neither was sent.
    """
    order_id, client_id = params.integer(number, None), params.text(text, None)
    if order_id is None and client_id is None:
        raise Refusal(-1102, f"Param '{text}' or '{number}' must be sent, but both were empty/null!")
    return order_id, client_id
