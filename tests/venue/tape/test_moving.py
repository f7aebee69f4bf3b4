"""Times as they are played, mark prices, and where a paper run is compared with a backtest."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal

import pytest
from tests.venue.tape.conftest import VENUE_NOW_MS, Stage, make_candles, make_instrument, trades

from opslab.errors import DataError
from opslab.venue.market import Kline, MarkPrice, Quote
from opslab.venue.tape.candles import CandleSettings, candle_tape
from opslab.venue.tape.marks import MarkSettings, with_marks
from opslab.venue.tape.parity import OpenReached

INSTRUMENT = make_instrument()


@pytest.mark.parametrize("offset_ms", [0, 1, 37_250, 59_999])
@pytest.mark.parametrize("pace", [1.0, 60.0, 0.5, math.inf])
def test_klines_keep_their_grid_and_end_now(run, pace, offset_ms):
    candles = make_candles([(100, 130, 90, 120, 5_000)] * 5, INSTRUMENT)
    stage = Stage(run.loop, candle_tape(INSTRUMENT, candles), pace)
    stage.offset_ms = offset_ms

    async def play():
        stage.player.start()
        await stage.player.wait()

    run(play())
    closed = [(at, event) for at, event in stage.heard if isinstance(event, Kline) and event.is_closed]
    opens = [event.open_ms for _, event in closed]
    assert [b - a for a, b in itertools.pairwise(opens)] == [60_000] * 4
    assert all(open_ms % 60_000 == 0 for open_ms in opens)
    late = [VENUE_NOW_MS + offset_ms + at - (event.close_ms + 1) for at, event in closed]
    assert min(late) >= 0
    if pace >= 1:
        assert late[-1] < 60_000
    if pace == 1:
        assert late == [offset_ms] * 5


@pytest.mark.parametrize("horizon_seconds", [0.5, 2.0, 100.0])
def test_with_a_horizon_what_is_played_until_then_is_as_recent_as_it_can_be(horizon_seconds):
    candles, pace = make_candles([(100, 130, 90, 120, 5_000)] * 10, INSTRUMENT), 60.0
    tape = candle_tape(INSTRUMENT, candles)
    mover = tape.mover(VENUE_NOW_MS, pace, horizon_seconds)
    klines = [event for event in tape if isinstance(event, Kline) and event.is_closed]
    watched = min(horizon_seconds, 10.0)
    for number, kline in enumerate(klines, start=1):
        late = VENUE_NOW_MS + number * 1_000 - (mover.kline(kline).close_ms + 1)
        if number <= watched:
            assert late >= 0
        if number == int(watched):
            assert late < 60_000


def test_a_moved_tape_is_what_a_player_that_is_never_late_plays(run):
    tape = with_marks(candle_tape(INSTRUMENT, make_candles([(100, 130, 90, 120, 5_000)] * 2, INSTRUMENT)))
    stage = Stage(run.loop, tape, 60.0)

    async def play():
        stage.player.start()
        await stage.player.wait()

    run(play())
    moved = list(tape.moved(VENUE_NOW_MS, 60.0))
    assert len(moved) == len(stage.heard)
    for (_, played), ideal in zip(stage.heard, moved, strict=True):
        assert type(played) is type(ideal)
        if not isinstance(ideal, Kline):
            assert abs(played.time_ms - ideal.time_ms) <= 1


def test_mark_prices_follow_the_mid_and_fund_every_eight_hours():
    tape = with_marks(candle_tape(INSTRUMENT, make_candles([(100, 130, 90, 120, 5_000)] * 3, INSTRUMENT)))
    quote, marks = None, []
    for event in tape:
        quote = event if isinstance(event, Quote) else quote
        if isinstance(event, MarkPrice):
            assert event.mark == (quote.bid + quote.ask) / 2
            assert event.next_funding_ms % (8 * 3_600_000) == 0
            assert 0 < event.next_funding_ms - event.time_ms <= 8 * 3_600_000
            marks.append(event.time_ms)
    assert len(marks) > 3
    assert all(b - a >= 1_000 for a, b in itertools.pairwise(marks))


def test_without_quotes_the_mark_is_the_last_trade():
    marks = [e for e in with_marks(trades(0, 500, 2_000)) if isinstance(e, MarkPrice)]
    assert [mark.mark for mark in marks] == [1, 3]
    with pytest.raises(DataError):
        MarkSettings(every_ms=0)


def test_at_the_open_a_hold_comes_before_anything_trades_there(run):
    data = [(100, 130, 90, 120, 5_000), (110, 140, 105, 108, 5_000), (107, 140, 105, 108, 5_000)]
    settings = CandleSettings(spread_ticks=0)
    stage = Stage(run.loop, candle_tape(INSTRUMENT, make_candles(data, INSTRUMENT), settings))

    async def play():
        stage.player.start(held=True)
        wanted = OpenReached("BTCUSDT")
        for open_ in ("11.00", "10.70"):
            stage.player.step_until(wanted)
            kline, _, quote = (event for _, event in stage.heard[-3:])
            assert kline.is_closed
            assert quote.bid == quote.ask == Decimal(open_)
        await stage.player.stop()

    run(play())
