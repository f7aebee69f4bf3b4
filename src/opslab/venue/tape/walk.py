"""The way of a candle's price, trade by trade, in whole ticks and steps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


def turning_points(open_: int, high: int, low: int, close: int) -> list[int]:
    """Return where the price turns: a candle that rises goes to its low first, one that falls to its high."""
    inner = (low, high) if close >= open_ else (high, low)
    points = [open_]
    for price in (*inner, close):
        if price != points[-1]:
            points.append(price)
    return points


def walked(points: Sequence[int], count: int) -> list[int]:
    """Return ``count`` prices along ``points``, each of which is among them; at least as many as there are points."""
    extra = max(0, count - len(points))
    if len(points) == 1:
        return [points[0]] * (1 + extra)
    lengths = [abs(b - a) for a, b in pairwise(points)]
    total, done, used = sum(lengths), 0, 0
    prices = [points[0]]
    for (start, end), length in zip(pairwise(points), lengths, strict=True):
        done += length
        between = extra * done // total - used
        used += between
        prices += [start + (end - start) * (index + 1) // (between + 1) for index in range(between)]
        prices.append(end)
    return prices


def shared(volume: int, count: int, chance: random.Random) -> list[int]:
    """Return ``count`` sizes of at least one step that add up to ``volume``, or to ``count`` if that is more."""
    rest = volume - count
    if rest <= 0:
        return [1] * count
    weights = [chance.random() + 0.1 for _ in range(count)]
    total = sum(weights)
    sizes = [1 + int(rest * weight / total) for weight in weights]
    sizes[-1] += volume - sum(sizes)
    while sizes[-1] < 1:  # floats may round a very large volume up
        largest = max(range(count), key=sizes.__getitem__)
        moved = min(sizes[largest] - 1, 1 - sizes[-1])
        sizes[largest] -= moved
        sizes[-1] += moved
    return sizes
