"""What to do about what a look saw: pure, from the look, the rules and what was tried before."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.safety.flatten.lots import Lots, parts
from opslab.safety.flatten.reading import Balance
from opslab.safety.flatten.remains import OpenOrder, Remains

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from opslab.safety.flatten.account import Account
    from opslab.safety.flatten.looking import Look

_NOTHING = Balance(Decimal(0), Decimal(0))

MOST_SINGLES = 20
"""Single orders that are cancelled in a round, where cancelling all of a symbol did not help."""


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every order of a symbol in one request.

    Attributes:
        symbol: the venue's symbol.
        is_algo: whether the conditional ones are meant.
    """

    symbol: str
    is_algo: bool = False


@dataclass(frozen=True, slots=True)
class CancelOne:
    """Cancel one order."""

    order: OpenOrder


@dataclass(frozen=True, slots=True)
class Close:
    """Send one market order that makes a position smaller.

    Attributes:
        symbol: the venue's symbol.
        side: ``BUY`` or ``SELL``.
        position_side: ``BOTH`` (then it is sent reduce-only), ``LONG`` or ``SHORT``.
        quantity: base units, above zero.
        key: what it closes, as ``Remains.positions`` names it.
        held: the signed amount that was seen of it.
    """

    symbol: str
    side: str
    position_side: str
    quantity: Decimal
    key: str
    held: Decimal


type Cancel = CancelAll | CancelOne


@dataclass(frozen=True)
class Tried:
    """What was done before, as far as it changes what is done next.

    Attributes:
        cancels: how often all orders of a symbol were cancelled while it kept some, by symbol and kind.
        held: symbols that a close of unknown fate was sent for: nothing new is sent there.
        seen: symbols that anything was ever seen on.
        too_small: what the venue refused as too small, by asset: that amount is dust.
        lagging: amounts that a close was sent for and has just ended, by key: as long as the venue shows the very same
            amount, its answer may be older than the close.
    """

    cancels: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    held: AbstractSet[str] = frozenset()
    seen: AbstractSet[str] = frozenset()
    too_small: Mapping[str, Decimal] = field(default_factory=dict)
    lagging: Mapping[str, Decimal] = field(default_factory=dict)


def cancels(account: Account, look: Look, tried: Tried) -> tuple[Cancel, ...]:
    """Return the cancels of a round: all of a symbol at once, every other time one by one.

    Where the venue did not tell its open orders, every symbol that is known is cancelled blindly: it opens nothing.
    """
    found: list[Cancel] = []
    kinds = [(False, look.orders)] + ([(True, look.algos)] if account.market == "futures" else [])
    blind = sorted({*account.symbols, *tried.seen, *(item.symbol for item in look.holdings or ())})
    for is_algo, orders in kinds:
        if orders is None:
            found += [CancelAll(symbol, is_algo) for symbol in blind]
            continue
        for symbol in dict.fromkeys(order.symbol for order in orders):
            mine = [order for order in orders if order.symbol == symbol]
            is_turn_of_singles = tried.cancels.get((symbol, is_algo), 0) % 2 == 1
            if is_turn_of_singles:
                found += [CancelOne(order) for order in mine[:MOST_SINGLES]]
            else:
                found.append(CancelAll(symbol, is_algo))
    return tuple(found)


def closes(account: Account, look: Look, lots: Mapping[str, Lots], tried: Tried) -> tuple[Close, ...]:
    """Return the closing orders of a round, together never more than what is held."""
    if account.market == "spot":
        return _sales(account, look, lots, tried)
    return tuple(
        Close(item.symbol, item.closing_side, item.side, part, item.key, item.amount)
        for item in look.holdings or ()
        if item.symbol not in tried.held and tried.lagging.get(item.key) != item.amount
        for part in parts(abs(item.amount), lots.get(item.symbol))
    )


def _sales(account: Account, look: Look, lots: Mapping[str, Lots], tried: Tried) -> tuple[Close, ...]:
    """Return the sales of free base assets, none while an order may still free or take some of it."""
    if look.orders is None or look.balances is None:
        return ()
    found: list[Close] = []
    busy = {lots[order.symbol].base for order in look.orders if order.symbol in lots}
    for base, symbols in _symbols_by_base(account, lots).items():
        balance = look.balances.get(base)
        if balance is None or base in busy or any(name in tried.held for name in symbols):
            continue
        free = min(balance.free, _beyond_kept(account, base, balance))
        if free > 0 and free not in (tried.too_small.get(base), tried.lagging.get(base)):
            chosen = symbols[0]
            found += [Close(chosen, "SELL", "BOTH", part, base, free) for part in parts(free, lots[chosen])]
    return tuple(found)


def remains(account: Account, look: Look, lots: Mapping[str, Lots], tried: Tried | None = None) -> Remains:
    """Return what a look says is left.

    Args:
        account: whose it is.
        look: what was seen.
        lots: the rules of symbols.
        tried: with it, dust is what the venue refused as too small; without, what its rules call too small.
    """
    positions: dict[str, Decimal] = {item.key: item.amount for item in look.holdings or ()}
    dust: dict[str, Decimal] = {}
    short: dict[str, Decimal] = {}
    if account.market == "spot" and look.balances is not None:
        for base, symbols in _symbols_by_base(account, lots).items():
            amount = _beyond_kept(account, base, look.balances.get(base, _NOTHING))
            if amount <= -lots[symbols[0]].step:
                short[base] = -amount
            if amount <= 0:
                continue
            if tried is not None:
                is_dust = tried.too_small.get(base) == amount
            else:
                is_dust = lots[symbols[0]].is_too_small(amount, look.prices.get(symbols[0]))
            (dust if is_dust else positions)[base] = amount
    return Remains(look.all_orders, positions, dust, look.unknown, short)


def _beyond_kept(account: Account, base: str, balance: Balance) -> Decimal:
    """Return what of an asset is to go: all but what was there before; negative where more than that went."""
    return balance.free + balance.locked - account.keep.get(base, Decimal(0))


def _symbols_by_base(account: Account, lots: Mapping[str, Lots]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in account.symbols:
        if name in lots:
            found.setdefault(lots[name].base, []).append(name)
    return found
