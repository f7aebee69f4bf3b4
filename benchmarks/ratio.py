"""Ratios of times measured side by side: the machine's speed cancels out, and so does most of its noise."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Ratio:
    """One measured ratio and how large it may be.

    Attributes:
        name: what is compared with what.
        measured: time of the first over time of the second.
        target: the largest ratio that is fine; None when it is only shown.
        detail: the times behind it.
    """

    name: str
    measured: float
    target: float | None
    detail: str

    @property
    def is_over(self) -> bool:
        """Whether the target is missed."""
        return self.target is not None and self.measured > self.target


def interleaved(
    candidates: Mapping[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Time each candidate ``repeats`` times, one after the other in turns, after one round that is thrown away.

    Args:
        candidates: what is timed, by name.
        repeats: rounds that count.
        clock: returns seconds. CPU seconds of this process by default, so that neighbours on the machine count less;
            take ``time.perf_counter`` where waiting belongs to the cost.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(repeats + 1):
        names = list(candidates) if turn % 2 else list(candidates)[::-1]
        for name in names:
            gc.collect()
            begun = clock()
            candidates[name]()
            if turn:
                seconds[name].append(clock() - begun)
    return seconds


def ratio(name: str, over: Sequence[float], under: Sequence[float], target: float | None, unit: str = "s") -> Ratio:
    """Return the median of the rounds' ratios ``over / under``."""
    measured = median(first / second for first, second in zip(over, under, strict=True))
    scale, label = (1000, "ms") if unit == "ms" else (1, "s")
    detail = f"median {median(over) * scale:.3g} {label} over {median(under) * scale:.3g} {label}, {len(over)} rounds"
    return Ratio(name, measured, target, detail)


def show(ratios: Sequence[Ratio], title: str) -> None:
    """Print the ratios as a table."""
    table = Table(title=title)
    for heading, justify in (
        ("ratio", "left"),
        ("measured", "right"),
        ("at most", "right"),
        ("", "left"),
        ("detail", "left"),
    ):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for row in ratios:
        verdict = "shown" if row.target is None else "over" if row.is_over else "pass"
        table.add_row(
            row.name, f"{row.measured:.3f}", "-" if row.target is None else f"{row.target:.2f}", verdict, row.detail
        )
    Console().print(table)
