"""The rows of a view as ``views.jsonl`` holds them, made into what ``diff`` compares. Pure.

Venue and engine use different words for one state of an order: here each is ``open``, ``filled`` or ``void``, or
``unsent`` where the engine has not let it go yet.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from opslab.reconcile.diff import Tolerance
from opslab.reconcile.snapshot import Balance, Fill, Order, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

type Row = Mapping[str, Any]
type Rows = Mapping[str, Sequence[Row]]
"""A view: ``orders``, ``positions`` and ``balances``, and where it tells of them ``fills``, each a list of rows."""

OPEN = frozenset({"NEW", "PARTIALLY_FILLED", "SUBMITTED", "ACCEPTED", "TRIGGERED", "PENDING_UPDATE", "PENDING_CANCEL"})
"""Words of venue and engine for an order that may fill yet: it is at the venue, or is on its way there."""

UNSENT = frozenset({"INITIALIZED", "EMULATED", "RELEASED"})
"""Words of the engine for an order that it holds: in its emulator, in an execution algorithm, or behind another order.

No venue has it; one that has it all the same differs.
"""

MEMORY = 1 << 16
"""How many pairs of rows are remembered to be alike or not; such a pair of texts never changes its answer."""

_TYPES = {
    "LIMIT_MAKER": "LIMIT",
    "STOP": "STOP_LIMIT",
    "STOP_LOSS_LIMIT": "STOP_LIMIT",
    "STOP_LOSS": "STOP_MARKET",
    "TAKE_PROFIT_LIMIT": "LIMIT_IF_TOUCHED",
    "TAKE_PROFIT_MARKET": "MARKET_IF_TOUCHED",
}
"""The engine's words for types of the venue that it calls otherwise; ``TAKE_PROFIT`` is another one on each market."""

_PLAIN = frozenset({"LIMIT", "MARKET"})
_CONDITIONAL = frozenset({"STOP_LIMIT", "STOP_MARKET", "LIMIT_IF_TOUCHED", "MARKET_IF_TOUCHED", "TRAILING_STOP_MARKET"})


def tolerances_of(venue: Mapping[str, Any]) -> dict[str, Tolerance]:
    """Return one step and one tick of each instrument, as the venue lists it; of views of earlier labs nothing."""
    return {
        name: Tolerance(quantity=Decimal(row["step_size"]), price=Decimal(row["tick_size"]))
        for name, row in venue.get("instruments", {}).items()
        if "tick_size" in row
    }


def quantity_steps(rows: Rows) -> dict[str, Tolerance]:
    """Return one step of each instrument's quantity, by the decimals in which a view writes its positions."""
    exponents = {row["instrument"]: Decimal(row["quantity"]).as_tuple().exponent for row in rows["positions"]}
    return {name: Tolerance(quantity=Decimal(1).scaleb(int(exponent))) for name, exponent in exponents.items()}


def positions_of(expected: Sequence[Row], observed: Sequence[Row]) -> tuple[tuple[Position, ...], ...]:
    """Return the positions of two views, so that the same one has the same key in both.

    Where a view holds an instrument both long and short, the two are kept apart: positions that cancel each other out
    are not the same as none. Else the instrument is the key, so that a wrong side shows as that. A mean price is
    compared where both tell one, of one row.
    """
    sides = [_held(rows) for rows in (expected, observed)]
    apart = {
        symbol
        for held in sides
        for symbol in {name for name, _ in held}
        if len([side for name, side in held if name == symbol]) > 1
    }
    return tuple(
        tuple(
            Position(
                symbol,
                side,
                quantity,
                price if _both_tell_price(sides, symbol, side) else None,
                position_id=side if symbol in apart else "",
            )
            for (symbol, side), (quantity, price) in sorted(held.items())
        )
        for held in sides
    )


def _held(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[Decimal, Decimal | None]]:
    held: dict[tuple[str, str], tuple[Decimal, Decimal | None]] = {}
    for row in rows:
        amount = Decimal(row["signed_quantity"])
        if not amount:
            continue
        key = (row["instrument"], "long" if amount > 0 else "short")
        price = None if key in held else _number(row.get("average_open_price"))
        held[key] = (held.get(key, (Decimal(0), None))[0] + abs(amount), price)
    return held


def _both_tell_price(sides: Sequence[Mapping[Any, tuple[Decimal, Decimal | None]]], symbol: str, side: str) -> bool:
    """Whether both tell a mean price; of a position that has another side there, that side's counts."""
    for held in sides:
        found = [price for (name, its_side), (_, price) in held.items() if name == symbol and its_side == side]
        if not found or found[0] is None:
            return False
    return True


def orders_of(
    expected: Sequence[Row], observed: Sequence[Row], mine: Collection[str] | None = None
) -> tuple[tuple[Order, ...], ...]:
    """Return the orders of two views that are to be compared: what either takes for open, and what both know.

    An order that is over on one side and forgotten on the other is no difference: nobody must remember it. One that
    both have alike is left out: there is nothing to compare.

    Args:
        expected: rows of the venue.
        observed: rows of the other view.
        mine: client ids; only these are compared.
    """
    rest = unlike(expected, observed, _order_key, _order_texts, _are_orders_alike)
    known = [{row["client_order_id"]: row for row in rows} for rows in rest]

    def made(rows: Sequence[Row], others: Mapping[str, Row]) -> Iterator[Order]:
        for row in rows:
            name = row["client_order_id"]
            if (mine is None or name in mine) and (name in others or row["status"] in OPEN):
                yield _order(row, others.get(name))

    return tuple(made(rest[0], known[1])), tuple(made(rest[1], known[0]))


def unlike(
    expected: Sequence[Row],
    observed: Sequence[Row],
    key: Callable[[Row], Any],
    texts: Callable[[Row], tuple[Any, ...]],
    are_alike: Callable[[tuple[Any, ...], tuple[Any, ...]], bool],
) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return two views without the rows that both have alike; all of them where a key is there twice.

    Args:
        expected: rows of the venue.
        observed: rows of the other view.
        key: returns what names a row.
        texts: returns what is compared of it.
        are_alike: compares that; it remembers its answers, so that what agreed once costs next to nothing again.
    """
    left, right = ({key(row): row for row in rows} for rows in (expected, observed))
    if len(left) != len(expected) or len(right) != len(observed):
        return expected, observed
    same = {name for name, row in left.items() if name in right and are_alike(texts(row), texts(right[name]))}
    return [row for name, row in left.items() if name not in same], [
        row for name, row in right.items() if name not in same
    ]


_order_key = itemgetter("client_order_id")
_NEEDED = itemgetter("instrument", "side", "status", "quantity", "filled_quantity")
_MAYBE = ("type", "price", "trigger_price", "reduce_only", "position_side")


def _order_texts(row: Row) -> tuple[Any, ...]:
    return (*_NEEDED(row), *map(row.get, _MAYBE))


@lru_cache(maxsize=MEMORY)
def _are_orders_alike(mine: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    names = ("instrument", "side", "status", "quantity", "filled_quantity", *_MAYBE)
    rows = [{"client_order_id": "", **dict(zip(names, side, strict=True))} for side in (mine, theirs)]
    return _are_equal(_order(rows[0], rows[1]), _order(rows[1], rows[0]))


def _are_equal(mine: object, theirs: object) -> bool:
    try:
        return mine == theirs
    except ArithmeticError:  # a signalling NaN equals nothing
        return False


def _order(row: Row, other: Row | None) -> Order:
    """Return an order; its price, trigger price, type and reduce-only only where it rests and both sides tell them."""
    status = str(row["status"])
    told: dict[str, Any] = {"type": ""}
    if other is not None and status in OPEN and other["status"] in OPEN:
        told = _terms(row, other)
    return Order(
        order_id=row["client_order_id"],
        symbol=row["instrument"],
        side=str(row["side"]),
        quantity=Decimal(row["quantity"] or 0),
        filled_quantity=Decimal(row["filled_quantity"]),
        status=_word(status),
        **told,
    )


def _word(status: str) -> str:
    if status in OPEN:
        return "open"
    return "filled" if status == "FILLED" else "unsent" if status in UNSENT else "void"


def _terms(row: Row, other: Row) -> dict[str, Any]:
    """Return what a resting order waits for, as far as both sides tell it."""
    prices = {
        name: _price(row.get(name)) if _price(other.get(name)) is not None else None
        for name in ("price", "trigger_price")
    }
    kinds = [_TYPES.get(str(side.get("type")), str(side.get("type"))) for side in (row, other)]
    # What was triggered is at the venue an order without a condition.
    are_same_sort = all(kind in _PLAIN for kind in kinds) or all(kind in _CONDITIONAL for kind in kinds)
    # A hedged order closes by its position side: a venue takes no reduceOnly with it.
    is_one_way = "BOTH" in (row.get("position_side"), other.get("position_side"))
    both_tell = row.get("reduce_only") is not None and other.get("reduce_only") is not None
    return {
        **prices,
        "type": kinds[0] if are_same_sort else "",
        "reduce_only": bool(row["reduce_only"]) if is_one_way and both_tell else None,
    }


def _price(text: object) -> Decimal | None:
    """Return a price; a venue writes 0 for none."""
    return _number(text) or None


_FILL = ("instrument", "side", "quantity", "price", "fee", "fee_currency")


def unlike_fills(expected: Sequence[Row], observed: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return the fills of two views without those that both have alike."""
    return unlike(
        expected,
        observed,
        lambda row: (row["client_order_id"], str(row["trade_id"])),
        lambda row: (*_FILL_NEEDED(row), row.get("fee"), row.get("fee_currency")),
        _are_fills_alike,
    )


_FILL_NEEDED = itemgetter("instrument", "side", "quantity", "price")


@lru_cache(maxsize=MEMORY)
def _are_fills_alike(mine: tuple[Any, ...], theirs: tuple[Any, ...]) -> bool:
    rows = [{"client_order_id": "", "trade_id": "", **dict(zip(_FILL, side, strict=True))} for side in (mine, theirs)]
    return _are_equal(*fills_of(rows))


def fills_of(rows: Sequence[Row]) -> tuple[Fill, ...]:
    """Return the fills of a view."""
    return tuple(
        Fill(
            order_id=row["client_order_id"],
            trade_id=str(row["trade_id"]),
            symbol=row["instrument"],
            side=row["side"],
            quantity=Decimal(row["quantity"]),
            price=Decimal(row["price"]),
            fee=_number(row.get("fee")),
            fee_currency=row.get("fee_currency"),
        )
        for row in rows
    )


def balances_of(rows: Sequence[Row]) -> tuple[Balance, ...]:
    """Return the balances of a view; venue and engine name the account each in its own way, so it is left out."""
    return tuple(Balance(account="", currency=row["currency"], total=Decimal(row["total"])) for row in rows)


def _number(text: object) -> Decimal | None:
    return None if text is None else Decimal(str(text))
