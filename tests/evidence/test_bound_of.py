"""Where a paper run ended in the backtest's time, for any counts of bars and candles."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.evidence.bound import Bound, bound_of


def _side(bars, history=0, datasets=1):
    execution = SimpleNamespace(history=history)
    return SimpleNamespace(
        metrics=SimpleNamespace(bars_seen=bars),
        spec=SimpleNamespace(execution=execution),
        inputs={"datasets": [{}] * datasets},
    )


def _found(closes, of_all, seen, **more):
    return bound_of(_side(of_all), _side(seen, **more), closes)


@pytest.mark.parametrize(
    ("closes", "of_all", "seen", "more", "expected"),
    [
        (range(60, 660, 60), 10, 4, {}, Bound(240, 180)),
        (range(60, 660, 60), 10, 1, {}, Bound(60, 60)),
        (range(60, 660, 60), 10, 4, {"history": 3}, Bound(420, 360)),
        (sorted([*range(60, 360, 60)] * 2), 10, 4, {"datasets": 2}, Bound(120, 60)),
        (range(60, 660, 60), 5, 2, {}, Bound(240, 180)),
        (range(60, 660, 60), 10, 9, {"history": 3}, None),
        (range(60, 660, 60), 10, 10, {}, None),
        (range(60, 660, 60), 10, 0, {}, None),
        (range(60, 660, 60), None, 4, {}, None),
        ((), 10, 4, {}, None),
    ],
)
def test_the_last_candle_that_was_seen(closes, of_all, seen, more, expected):
    assert _found(list(closes), of_all, seen, **more) == expected


@given(closes=st.lists(st.integers(1, 10**6), min_size=2, unique=True).map(sorted), data=st.data())
def test_every_candle_before_the_last_one_is_not_cut_off(closes, data):
    seen = data.draw(st.integers(1, len(closes) - 1))
    found = _found(closes, len(closes), seen)
    assert [found.cuts(close) for close in closes] == [number >= seen for number in range(1, len(closes) + 1)]


def test_more_bars_seen_never_cut_off_more():
    closes = list(range(60, 660, 60))
    ends = [_found(closes, 10, seen).last for seen in range(1, 10)]
    assert ends == sorted(ends)
