"""Which symbols a spot request is about: one, a list, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.http.params import SYMBOL, invalid
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.http.params import Params
    from opslab.venue.http.routing import Context
    from opslab.venue.listing import Listing

_MOST = 10_000


def listing_of(context: Context, symbol: str) -> Listing:
    """Return the listing of a symbol.

    Raises:
        Refusal: -1121.
    """
    found = context.exchange.listings.get(symbol)
    if found is None:
        raise Refusal(-1121, "Invalid symbol.")
    return found


def one(context: Context, params: Params) -> Listing:
    """Return the listing that ``symbol`` names; it is mandatory.

    Raises:
        Refusal: -1102, -1105, -1100 as ``Params.text``; -1121 unknown.
    """
    return listing_of(context, params.text("symbol", pattern=SYMBOL))


def several(context: Context, params: Params) -> list[Listing]:
    """Return the listings that ``symbol`` or ``symbols`` (a JSON array) name; all of them when neither was sent.

    Raises:
        Refusal: -1128 both sent, -1130 not such an array, -1151 a symbol twice, -1121 an unknown one.
    """
    if "symbols" not in params:
        return [one(context, params)] if "symbol" in params else list(context.exchange.listings.values())
    if "symbol" in params:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    names = params.json_list("symbols", _MOST)
    if not all(isinstance(name, str) for name in names):
        raise invalid("symbols")
    if len(set(names)) < len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return [listing_of(context, name) for name in names]


class WeightBySymbols:
    """A weight that depends on whether one symbol is asked for.

    Args:
        one_symbol: when it is.
        all_symbols: when it is not.
    """

    def __init__(self, one_symbol: int, all_symbols: int) -> None:
        self._one, self._all = one_symbol, all_symbols

    def __call__(self, params: Params) -> int:
        """Return the weight of a request."""
        return self._one if "symbol" in params else self._all
