"""Candles that are known before anything is played."""

from __future__ import annotations

import asyncio
import itertools
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.running import running
from tests.venue.tape.conftest import VENUE_NOW_MS, Stage, make_candles, make_instrument

from opslab.contract.dataset import InstrumentKind
from opslab.data.instruments import built_in
from opslab.errors import DataError
from opslab.venue.market import Kline
from opslab.venue.orders import Market
from opslab.venue.stock import stock
from opslab.venue.tape.candles import CandleSettings, candle_tape
from opslab.venue.tape.marks import with_marks
from opslab.venue.tape.recorded import tape_of
from opslab.venue.tape.tape import merged

INSTRUMENT = make_instrument()
MINUTE = 60_000


def rising(count: int) -> list[tuple[int, int, int, int, int]]:
    return [(100 + n, 130 + n, 90 + n, 120 + n, 5_000 + n) for n in range(count)]


def closed(events) -> list[Kline]:
    return [event for event in events if isinstance(event, Kline) and event.is_closed]


def prices(klines):
    return [(k.open_ms, k.close_ms, k.open, k.high, k.low, k.close, k.volume, k.is_closed) for k in klines]


@given(st.integers(1, 20), st.integers(0, 30))
def test_history_and_what_is_played_are_together_the_candles(count, wanted):
    candles = make_candles(rising(count), INSTRUMENT)
    tape = candle_tape(INSTRUMENT, candles, CandleSettings(history=wanted))
    history = list(tape.history())
    assert len(history) == min(wanted, count // 2)
    assert prices([*history, *closed(tape)]) == prices(closed(candle_tape(INSTRUMENT, candles)))
    assert all(kline.close_ms < tape.first_ms for kline in history)
    assert all(time_ms >= tape.first_ms for time_ms, _ in tape.timed())


@pytest.mark.parametrize("history", [-1, 5_001])
def test_a_history_out_of_range_is_refused(history):
    with pytest.raises(DataError, match="history"):
        CandleSettings(history=history)


@pytest.mark.parametrize("pace", [1.0, 60.0])
@pytest.mark.parametrize("is_held", [True, False])
def test_a_player_tells_the_history_first_and_the_rest_follows_without_a_gap(run, pace, is_held):
    tape = with_marks(candle_tape(INSTRUMENT, make_candles(rising(8), INSTRUMENT), CandleSettings(history=3)))
    stage = Stage(run.loop, tape, pace)
    stage.offset_ms = 41_000

    async def play():
        stage.player.start(held=is_held)
        assert prices(closed(event for _, event in stage.heard))[:3] == prices(
            tape.moved(stage.now_ms(), pace).history()
        )
        assert len(stage.heard) == 3
        assert stage.player.position == 0
        await asyncio.sleep(200)
        stage.player.resume()
        await stage.player.wait()

    run(play())
    opens = [kline.open_ms for kline in closed(event for _, event in stage.heard)]
    assert [later - earlier for earlier, later in itertools.pairwise(opens)] == [MINUTE] * 7
    assert all(open_ms % MINUTE == 0 for open_ms in opens)
    assert opens[2] + MINUTE <= VENUE_NOW_MS + stage.offset_ms


def test_history_later_than_another_tapes_begin_is_told_when_it_is_its_time():
    other = make_instrument("ETHUSDT")
    early = candle_tape(other, make_candles(rising(6), other))
    tape = merged([early, candle_tape(INSTRUMENT, make_candles(rising(6), INSTRUMENT), CandleSettings(history=2))])
    assert list(tape.history()) == []
    times = [time_ms for time_ms, _ in tape.timed()]
    assert times == sorted(times)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert len([kline for kline in closed(tape) if kline.symbol == symbol]) == 6


def test_tapes_with_several_intervals_move_by_what_all_of_them_divide():
    five = candle_tape(INSTRUMENT, make_candles(rising(3), INSTRUMENT, interval_ns=5 * MINUTE * 10**6))
    three = candle_tape(make_instrument("ETHUSDT"), make_candles(rising(3), INSTRUMENT, interval_ns=3 * MINUTE * 10**6))
    tape = merged([five, three])
    shifts = {
        moved.open_ms - kline.open_ms
        for kline, moved in zip(closed(tape), closed(tape.moved(VENUE_NOW_MS + 1_234_567)), strict=True)
    }
    assert len(shifts) == 1
    assert shifts.pop() % (15 * MINUTE) == 0
    assert tape_of(closed(tape)).grid_ms == 15 * MINUTE


def test_the_samples_have_a_history():
    _, tape = stock(Market.FUTURES, (), None, history=500)
    symbols = [kline.symbol for kline in tape.history()]
    assert {symbol: symbols.count(symbol) for symbol in symbols} == {"BTCUSDT": 500, "ETHUSDT": 500}


@pytest.mark.parametrize("market", list(Market))
def test_klines_can_be_asked_for_right_after_the_start(market):
    kind = InstrumentKind.PERPETUAL if market is Market.FUTURES else InstrumentKind.SPOT
    instrument = built_in("BTCUSDT", kind)
    rows = [tuple(value * 1000 for value in row) for row in rising(40)]
    tape = candle_tape(instrument, make_candles(rows, instrument), CandleSettings(history=20))

    async def scene():
        async with running(market, tape=tape, is_held=True) as at:
            found = await at.show("/klines?symbol=BTCUSDT&interval=1m")
            fives = await at.show("/klines?symbol=BTCUSDT&interval=5m")
            now_ms = at.venue.clock.now_ms()
        assert len(found) == 20
        assert [row[0] - found[0][0] for row in found] == [MINUTE * n for n in range(20)]
        assert all(row[0] % MINUTE == 0 for row in found)
        assert 0 <= now_ms - (found[-1][6] + 1) < MINUTE + 10_000
        assert Decimal(found[0][5]) == 5_000_000 * instrument.step_size
        assert all(row[0] % (5 * MINUTE) == 0 for row in fives)
        assert abs(time.time() * 1000 - now_ms) < 60_000

    asyncio.run(scene())
