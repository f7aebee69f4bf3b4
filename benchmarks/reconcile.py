"""What comparing two views costs over joining the same records by id with two dictionaries."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.reconcile.diff import diff
from opslab.reconcile.snapshot import Order, View

if TYPE_CHECKING:
    from collections.abc import Callable


def orders(count: int, seed: int) -> tuple[Order, ...]:
    """Return ``count`` limit orders in random order, made one after the other as a parser makes them."""
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    return tuple(
        Order(
            order_id=f"order-{number:08d}",
            symbol="BTCUSDT",
            side="buy" if number % 2 else "sell",
            type="limit",
            quantity=Decimal(number % 977 + 1) / 1000,
            price=Decimal(600_000 + number % 5_000) / 10,
            time_in_force="GTC",
            status="NEW",
        )
        for number in numbers
    )


def _more(order: Order) -> Order:
    return replace(order, quantity=order.quantity + 1)


def _renamed(order: Order) -> Order:
    return replace(order, order_id=f"other-{order.order_id}")


def one_in_100(rows: tuple[Order, ...]) -> tuple[Order, ...]:
    """Change the quantity of every hundredth row."""
    return tuple(row if number % 100 else _more(row) for number, row in enumerate(rows))


def mixed(rows: tuple[Order, ...]) -> tuple[Order, ...]:
    """Change six rows in ten, each in another way, one of them by leaving it out."""
    changes: tuple[Callable[[Order], Order], ...] = (
        _more,
        _renamed,
        lambda row: replace(row, price=(row.price or Decimal(0)) + 1),
        lambda row: replace(row, status="FILLED"),
        lambda row: replace(row, side="sell" if row.side == "buy" else "buy"),
    )
    turned = [changes[number % 10](row) if number % 10 < len(changes) else row for number, row in enumerate(rows)]
    return tuple(row for number, row in enumerate(turned) if number % 10 != 9)


CASES: dict[str, Callable[[tuple[Order, ...]], tuple[Order, ...]]] = {
    "1 in 100 differs": one_in_100,
    "mixed, 6 in 10": mixed,
    "all differ": lambda rows: tuple(map(_more, rows)),
    "none in common": lambda rows: tuple(map(_renamed, rows)),
}
"""How the observed view differs from the expected one."""

MOST_JOINS = 5.0


def join(expected: tuple[Order, ...], observed: tuple[Order, ...]) -> list[tuple[Order, Order | None]]:
    """Pair the rows by id, and nothing else."""
    left = {order.order_id: order for order in expected}
    right = {order.order_id: order for order in observed}
    return [(order, right.get(name)) for name, order in left.items()]


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return diff over join at growing sizes, and how much that ratio grows from the smallest to the largest."""
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    found: list[Ratio] = []
    usual: list[list[float]] = []
    for count in sizes:
        for label, change in CASES.items():
            seconds = _seconds(orders(count, 1), change(orders(count, 2)), 5)
            found.append(
                ratio(
                    f"diff / dictionary join, {count:,} orders, {label}", seconds["diff"], seconds["join"], MOST_JOINS
                )
            )
            if label == "1 in 100 differs":
                usual.append([over / under for over, under in zip(seconds["diff"], seconds["join"], strict=True)])
    found.append(ratio(f"that ratio, {sizes[-1]:,} / {sizes[0]:,} orders", usual[-1], usual[0], 1.5))
    return found


def _seconds(expected: tuple[Order, ...], observed: tuple[Order, ...], rounds: int) -> dict[str, list[float]]:
    views = View((), expected), View((), observed)
    turns = range(max(1, 20_000 // len(expected)))

    def compare() -> None:
        for _ in turns:
            diff(*views)

    def pair() -> None:
        for _ in turns:
            join(expected, observed)

    return interleaved({"diff": compare, "join": pair}, rounds)
