"""Margin of a futures account: what positions and open orders need, and where a position is liquidated.

A symbol's initial margin is that of the larger of what it would hold if all its buys filled and if all its sells did.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.orders import Position, Side
from opslab.venue.positions import unrealized
from opslab.venue.views import AssetView, PositionView

if TYPE_CHECKING:
    from opslab.venue.futures_account import FuturesAccount, Key

ZERO = Decimal(0)


@dataclass(slots=True)
class Exposure:
    """Notional of the open orders of a symbol and position side that could enlarge it."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO

    def add(self, side: Side, notional: Decimal) -> None:
        """Add a signed notional to one side."""
        if side is Side.BUY:
            self.buys += notional
        else:
            self.sells += notional

    def with_more(self, side: Side, notional: Decimal) -> Exposure:
        """Return the exposure with one more order."""
        more = Exposure(self.buys, self.sells)
        more.add(side, notional)
        return more

    def margin(self, position: Decimal) -> Decimal:
        """Return the notional that needs margin, beside a position of this signed notional."""
        if not position:
            return max(self.buys, self.sells)
        return max(abs(position + self.buys), abs(position - self.sells), abs(position))


def asset_view(account: FuturesAccount, asset: str) -> AssetView:
    """Return a wallet with the margin figures of everything that settles in its currency."""
    profit = position_margin = order_margin = maintenance = ZERO
    for key in dict.fromkeys((*account.positions, *account.exposures)):
        pair = account.pairs[key[0]]
        if pair.listing.settlement != asset:
            continue
        position, exposure, leverage = account.positions.get(key), account.exposures.get(key), account.leverage[key[0]]
        notional = ZERO
        if position is not None and position.amount:
            mark = pair.mark_price
            notional = position.amount * mark
            profit += unrealized(position, mark)
            position_margin += abs(notional) / leverage
            maintenance += abs(notional) * pair.listing.instrument.margin_maint
        if exposure is not None:
            order_margin += (exposure.margin(notional) - abs(notional)) / leverage
    wallet = account.wallet.get(asset, ZERO)
    return AssetView(asset, wallet, ZERO, profit, position_margin, order_margin, maintenance, account.update_ms)


def position_view(account: FuturesAccount, key: Key) -> PositionView:
    """Return a position with its figures."""
    symbol, side = key
    pair, position = account.pairs[symbol], account.position(key)
    mark, leverage = pair.mark_price, account.leverage[symbol]
    notional = abs(position.amount * mark)
    exposure = account.exposures.get(key)
    order_notional = exposure.margin(position.amount * mark) - notional if exposure is not None else ZERO
    return PositionView(
        symbol=symbol,
        side=side,
        amount=position.amount,
        entry_price=position.entry_price,
        break_even_price=position.break_even_price,
        mark=mark,
        unrealized=unrealized(position, mark),
        realized=position.realized,
        liquidation_price=_liquidation_price(account, key, position),
        leverage=leverage,
        margin_type=account.margin_types[symbol],
        settlement=pair.listing.settlement,
        initial_margin=notional / leverage,
        order_margin=order_notional / leverage,
        maintenance=notional * pair.listing.instrument.margin_maint,
        update_ms=position.update_ms,
    )


def cover(account: FuturesAccount, asset: str) -> tuple[Decimal, Decimal]:
    """Return the margin balance and the maintenance margin that it must cover."""
    balance, maintenance = account.wallet.get(asset, ZERO), ZERO
    for (symbol, _), position in account.positions.items():
        if position.amount and (pair := account.pairs[symbol]).listing.settlement == asset:
            mark = pair.mark_price
            balance += unrealized(position, mark)
            maintenance += abs(position.amount) * mark * pair.listing.instrument.margin_maint
    return balance, maintenance


def _liquidation_price(account: FuturesAccount, key: Key, position: Position) -> Decimal:
    """Return the mark price at which margin balance and maintenance margin meet, all other prices standing still."""
    if not position.amount:
        return ZERO
    pair = account.pairs[key[0]]
    rate, asset = pair.listing.instrument.margin_maint, pair.listing.settlement
    whole = asset_view(account, asset)
    mark = pair.mark_price
    others = whole.margin_balance - unrealized(position, mark)
    needed = whole.maintenance - abs(position.amount * mark) * rate
    slope = abs(position.amount) * rate - position.amount
    price = (others - needed - position.amount * position.entry_price) / slope if slope else ZERO
    return max(price, ZERO)
