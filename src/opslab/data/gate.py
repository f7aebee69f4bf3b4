"""The data gate: whether candles may reach an engine. Pure functions; each check apart, each finding with its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from opslab.contract.dataset import MAX_RANGES, CheckResult, CheckStatus, Instrument, RowRange, VolumeUnit
from opslab.data.candles import PRICES, VALUES
from opslab.data.gate_times import Spots, disorder, duplicates, early_closes, gaps, mixed_zones, off_grid
from opslab.data.rows import Problem, SourceRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from numpy.typing import NDArray

CHECKS = (
    "schema",
    "encoding",
    "time_zone",
    "order",
    "duplicates",
    "gaps",
    "grid",
    "finite",
    "positive",
    "ohlc",
    "volume",
    "precision",
    "outliers",
)
"""Names of the checks, in the order in which they are reported."""

OUTLIER_DEVIATIONS = 30.0
"""A candle is flagged when it moves by more than this many robust standard deviations ..."""
OUTLIER_FLOOR = 0.03
"""... and by more than this share of the price before."""

_EXACT = 2.0**53
_UNREADABLE = {
    Problem.EMPTY: "is empty",
    Problem.TEXT: "is not a number",
    Problem.OUT_OF_RANGE: "is not within the years 1990 to 2100",
}


@dataclass(frozen=True)
class Rules:
    """What the candles of a dataset must follow.

    Attributes:
        instrument: gives tick and step.
        interval_ns: length of a candle.
        volume_unit: only base volume is compared with the instrument's step.
        gaps_allowed: missing candles are flagged instead of failed.
    """

    instrument: Instrument
    interval_ns: int
    volume_unit: VolumeUnit = VolumeUnit.BASE
    gaps_allowed: bool = False


@dataclass(frozen=True)
class Finding:
    """What one check found: reasons, each with the rows (ascending source row numbers) that it holds for."""

    name: str
    status: CheckStatus
    spots: tuple[tuple[str, NDArray[np.int64]], ...] = field(default=())

    @property
    def count(self) -> int:
        """Findings in all; the whole file counts as one."""
        return sum(len(rows) for _, rows in self.spots)

    def ranges(self) -> Iterator[RowRange]:
        """Yield every row range, neighbouring rows of one reason joined."""
        for reason, rows in self.spots:
            if not len(rows):
                continue
            breaks = np.flatnonzero(np.diff(rows) != 1)
            starts, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(rows) - 1]])
            for start, end in zip(starts, ends, strict=True):
                yield RowRange(first_row=int(rows[start]), last_row=int(rows[end]), reason=reason)

    def result(self) -> CheckResult:
        """Return the bounded form that the record keeps: the first ranges in row order, the full count."""
        first = [part for _, part in zip(range(MAX_RANGES), self.ranges(), strict=False)]
        ranges = sorted(first, key=lambda part: (part.first_row, part.reason))
        return CheckResult(name=self.name, status=self.status, count=self.count, ranges=tuple(ranges))


def check(rows: SourceRows, rules: Rules) -> list[CheckResult]:
    """Return every check's result over ``rows``, in the order of ``CHECKS``."""
    return [finding.result() for finding in examine(rows, rules)]


def examine(rows: SourceRows, rules: Rules) -> list[Finding]:
    """Return every check's finding over ``rows``, in the order of ``CHECKS``."""
    usable = rows.stamp_problem == Problem.NONE
    finite = np.logical_and.reduce([rows.problems[name] == Problem.NONE for name in PRICES])
    positive = finite & np.logical_and.reduce([rows.values[name] > 0 for name in PRICES])
    gap_status = CheckStatus.FLAGGED if rules.gaps_allowed else CheckStatus.FAILED
    return [
        _finding(
            "schema",
            [*_malformed(rows), *_unreadable(rows), *early_closes(rows, usable, rules.interval_ns)] or _nothing(rows),
        ),
        _finding("encoding", []),
        _finding("time_zone", mixed_zones(rows, usable)),
        _finding("order", disorder(rows, usable)),
        _finding("duplicates", duplicates(rows, usable)),
        _finding("gaps", gaps(rows, usable, rules.interval_ns), gap_status),
        _finding("grid", off_grid(rows, usable, rules.interval_ns), CheckStatus.FLAGGED),
        _finding("finite", _not_finite(rows)),
        _finding("positive", [(f"{name} is not above 0", rows.row[rows.values[name] <= 0]) for name in PRICES]),
        _finding("ohlc", _inconsistent(rows, positive)),
        _finding("volume", [("volume is negative", rows.row[rows.values["volume"] < 0])]),
        _finding("precision", _imprecise(rows, rules)),
        _finding("outliers", _outliers(rows, positive), CheckStatus.FLAGGED),
    ]


def refused(name: str, reason: str, row: int = 0) -> list[Finding]:
    """Return the findings of a file that failed check ``name`` before it had rows; the other checks did not run."""
    where = np.array([row], np.int64)
    return [
        Finding(other, CheckStatus.FAILED, ((reason, where),)) if other == name else Finding(other, CheckStatus.NOT_RUN)
        for other in CHECKS
    ]


def _finding(name: str, spots: Spots, when_found: CheckStatus = CheckStatus.FAILED) -> Finding:
    found = tuple((reason, rows) for reason, rows in spots if len(rows))
    return Finding(name, when_found if found else CheckStatus.PASSED, found)


def _nothing(rows: SourceRows) -> Spots:
    return [] if len(rows) else [("the file has no candles", np.zeros(1, np.int64))]


def _malformed(rows: SourceRows) -> Spots:
    by_reason: dict[str, list[int]] = {}
    for number, reason in rows.malformed:
        by_reason.setdefault(reason, []).append(number)
    return [(reason, np.array(numbers, np.int64)) for reason, numbers in by_reason.items()]


def _unreadable(rows: SourceRows) -> Spots:
    spots = [
        (f"{name} {_UNREADABLE[problem]}", rows.row[rows.problems[name] == problem])
        for name in VALUES
        for problem in (Problem.EMPTY, Problem.TEXT)
    ]
    reasons = {**_UNREADABLE, Problem.TEXT: "is not a time (ISO-8601, or a number counted from the epoch)"}
    spots += [(f"the time {reason}", rows.row[rows.stamp_problem == problem]) for problem, reason in reasons.items()]
    if rows.close_time_problem is not None:
        spots += [
            (f"the close time {reason}", rows.row[rows.close_time_problem == problem])
            for problem, reason in reasons.items()
        ]
    return [(reason, found) for reason, found in spots if len(found)]


def _not_finite(rows: SourceRows) -> Spots:
    reasons = {Problem.NAN: "is not a number (NaN)", Problem.INFINITE: "is infinite, or too large for float64"}
    return [
        (f"{name} {reason}", rows.row[rows.problems[name] == problem])
        for name in VALUES
        for problem, reason in reasons.items()
    ]


def _inconsistent(rows: SourceRows, positive: NDArray[np.bool_]) -> Spots:
    values = rows.values
    low = values["low"] > np.minimum(values["open"], values["close"])
    high = values["high"] < np.maximum(values["open"], values["close"])
    return [
        ("low is above open or close", rows.row[positive & low]),
        ("high is below open or close", rows.row[positive & high]),
    ]


def _imprecise(rows: SourceRows, rules: Rules) -> Spots:
    spots: Spots = []
    for name in VALUES:
        spots.append((f"{name} has more digits than float64 carries", rows.row[rows.problems[name] == Problem.INEXACT]))
        if name == "volume" and rules.volume_unit is not VolumeUnit.BASE:
            continue
        step, noun = (rules.instrument.step_size, "step") if name == "volume" else (rules.instrument.tick_size, "tick")
        value, limit = rows.values[name], largest_on_step(step)
        too_large = value >= limit
        off = (value > 0) & ~too_large
        off[off] = ~on_step(value[off], step)
        spots.append((f"{name} is out of range: {limit:g} or more", rows.row[too_large]))
        spots.append((f"{name} is not a multiple of the {noun} {step:f}", rows.row[off]))
    return spots


def on_step(value: NDArray[np.float64], step: Decimal) -> NDArray[np.bool_]:
    """Return where ``value`` is the float64 nearest to a whole number of ``step``, exactly.

    With ``step = units / scale`` the quotient ``count * units / scale`` is correctly rounded while both are below
    2**53, so equality is exact; beyond that nothing is.
    """
    units, scale = _fraction(step)
    count = np.rint(value / float(step))
    whole: NDArray[np.bool_] = (count * units / scale == value) & (np.abs(count) * units < _EXACT)
    return whole


def largest_on_step(step: Decimal) -> float:
    """Return the value from which on float64 cannot tell every multiple of ``step`` from its neighbours."""
    return _EXACT / _fraction(step)[1]


def _fraction(step: Decimal) -> tuple[int, int]:
    """Return ``step`` as units over a power of ten."""
    _, digits, exponent = step.as_tuple()
    units = int("".join(map(str, digits))) * 10 ** max(int(exponent), 0)
    return units, 10 ** max(-int(exponent), 0)


def _outliers(rows: SourceRows, positive: NDArray[np.bool_]) -> Spots:
    numbers = rows.row[positive]
    if len(numbers) < 3:  # noqa: PLR2004 - a deviation needs two moves
        return []
    logs = {name: np.log(rows.values[name][positive]) for name in PRICES}
    moves = np.diff(logs["close"])
    floor = np.log1p(OUTLIER_FLOOR)
    limit = max(floor, OUTLIER_DEVIATIONS * 1.4826 * float(np.median(np.abs(moves - np.median(moves)))))
    jumped = np.zeros(len(numbers), bool)
    jumped[1:] = np.abs(moves) > limit
    upper = logs["high"] - np.maximum(logs["open"], logs["close"]) > limit
    lower = np.minimum(logs["open"], logs["close"]) - logs["low"] > limit
    return [
        ("close is far from the close before", numbers[jumped]),
        ("high is far above open and close", numbers[upper]),
        ("low is far below open and close", numbers[lower]),
    ]
