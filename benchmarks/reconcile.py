"""What comparing two views costs over joining the same records by id with two dictionaries."""

from __future__ import annotations

import random
from decimal import Decimal

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.reconcile.diff import diff
from opslab.reconcile.snapshot import Order, View


def orders(count: int, seed: int, differ_every: int = 0) -> tuple[Order, ...]:
    """Return ``count`` limit orders in random order; every ``differ_every``-th has another quantity."""
    rows = [
        Order(
            order_id=f"order-{number:08d}",
            symbol="BTCUSDT",
            side="buy" if number % 2 else "sell",
            type="limit",
            quantity=Decimal(number % 977 + 1) / 1000 + (1 if differ_every and number % differ_every == 0 else 0),
            price=Decimal(600_000 + number % 5_000) / 10,
            time_in_force="GTC",
            status="NEW",
        )
        for number in range(count)
    ]
    random.Random(seed).shuffle(rows)
    return tuple(rows)


def join(expected: tuple[Order, ...], observed: tuple[Order, ...]) -> list[tuple[Order, Order | None]]:
    """Pair the rows by id, and nothing else."""
    left = {order.order_id: order for order in expected}
    right = {order.order_id: order for order in observed}
    return [(order, right.get(name)) for name, order in left.items()]


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return diff over join at growing sizes, and how much that ratio grows from the smallest to the largest."""
    sizes, rounds = ((1_000, 10_000, 100_000), 5) if quick else ((10_000, 100_000, 1_000_000), 5)
    found: list[Ratio] = []
    usual: list[list[float]] = []
    for count in sizes:
        # A difference is an object of its own: where all differ, making them is shown beside the join.
        for label, differ_every, target in (("1 in 100 differs", 100, 5.0), ("all differ", 1, None)):
            seconds = _seconds(orders(count, 1), orders(count, 2, differ_every), rounds)
            found.append(
                ratio(f"diff / dictionary join, {count:,} orders, {label}", seconds["diff"], seconds["join"], target)
            )
            if differ_every > 1:
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
