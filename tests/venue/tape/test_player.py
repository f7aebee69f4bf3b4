"""The player: pace, holding, stepping, errors; on a loop whose time is the test's."""

from __future__ import annotations

import asyncio
import itertools
import math
from decimal import Decimal

import pytest
from tests.venue.tape.conftest import VENUE_NOW_MS, Stage, make_candles, make_instrument, trades

from opslab.errors import DataError, DrillError
from opslab.venue.market import BookSnapshot, Kline, Quote
from opslab.venue.tape.candles import candle_tape
from opslab.venue.tape.player import BATCH

INSTRUMENT = make_instrument()


@pytest.mark.parametrize(("pace", "expected"), [(1.0, [0, 250, 1_000]), (10.0, [0, 25, 100]), (0.5, [0, 500, 2_000])])
def test_events_are_played_at_their_pace(run, pace, expected):
    stage = Stage(run.loop, trades(5_000, 5_250, 6_000), pace)

    async def play():
        stage.player.start()
        await stage.player.wait()

    run(play())
    assert [at for at, _ in stage.heard] == expected
    assert [event.time_ms - VENUE_NOW_MS for _, event in stage.heard] == expected
    assert stage.player.position == 3


def test_infinite_pace_plays_all_in_bounded_batches(run):
    stage = Stage(run.loop, trades(*range(0, 1_000_000, 1_000)), math.inf)
    turns = []

    async def others():
        while not stage.player.done.is_set():
            turns.append(stage.player.position)
            await asyncio.sleep(0)

    async def play():
        stage.player.start()
        await others()
        await stage.player.wait()

    run(play())
    assert [event.price for _, event in stage.heard] == [Decimal(n + 1) for n in range(1_000)]
    assert stage.loop.time() == stage.begin
    assert max(b - a for a, b in itertools.pairwise(turns)) <= BATCH


def test_a_late_loop_drops_and_reorders_nothing(run):
    stage = Stage(run.loop, trades(0, 10, 20, 30, 40))

    async def play():
        stage.player.start()
        await asyncio.sleep(0)
        run.loop.now += 5
        await stage.player.wait()

    run(play())
    assert [event.price for _, event in stage.heard] == [1, 2, 3, 4, 5]
    stamps = [event.time_ms for _, event in stage.heard]
    assert stamps == sorted(stamps)
    assert stamps[-1] == VENUE_NOW_MS + 5_000


def test_hold_stops_and_resume_goes_on_at_the_pace_from_then(run):
    stage = Stage(run.loop, trades(0, 100, 200))

    async def play():
        stage.player.start()
        await asyncio.sleep(0.05)
        stage.player.hold()
        await asyncio.sleep(10)
        assert stage.player.position == 1
        assert stage.player.is_held
        stage.player.resume()
        await stage.player.wait()

    run(play())
    assert [at for at, _ in stage.heard] == [0, 10_050, 10_150]


def test_step_plays_exactly_so_many_and_holds(run):
    stage = Stage(run.loop, trades(0, 100, 200, 300))

    async def play():
        stage.player.start(held=True)
        assert stage.player.step() == 1
        assert stage.player.step(2) == 2
        await asyncio.sleep(60)
        assert stage.player.position == 3
        assert not stage.player.done.is_set()
        assert stage.player.step(5) == 1
        await stage.player.wait()
        assert stage.player.step() == 0

    run(play())
    assert [at for at, _ in stage.heard] == [0, 0, 0, 60_000]


def test_step_until_stops_at_what_is_wanted(run):
    stage = Stage(run.loop, trades(0, 1, 2, 3))

    async def play():
        stage.player.start(held=True)
        assert stage.player.step_until(lambda event: event.price == 3) == 3
        assert stage.player.position == 3
        assert stage.player.step_until(lambda _: False) == 1
        await stage.player.wait()

    run(play())


def test_the_sink_may_hold_the_tape(run):
    stage = Stage(run.loop, trades(0, 0, 0), sink=lambda _: stage.player.hold())

    async def play():
        stage.player.start()
        await asyncio.sleep(1)
        assert stage.player.position == 1
        await stage.player.stop()

    run(play())
    assert stage.player.done.is_set()


def test_an_error_of_the_sink_ends_the_play_and_is_told(run):
    def sink(event):
        if event.price == 2:
            raise RuntimeError("no such book")

    stage = Stage(run.loop, trades(0, 1, 2), sink=sink)

    async def play():
        stage.player.start()
        with pytest.raises(RuntimeError, match="no such book"):
            await stage.player.wait()

    run(play())
    assert stage.player.done.is_set()
    assert stage.player.position == 2
    assert str(stage.player.error) == "no such book"


def test_an_error_of_the_sink_in_a_step_is_raised_there(run):
    def sink(_):
        raise RuntimeError("no such book")

    stage = Stage(run.loop, trades(0, 1), sink=sink)

    async def play():
        stage.player.start(held=True)
        with pytest.raises(RuntimeError, match="no such book"):
            stage.player.step()
        with pytest.raises(RuntimeError, match="no such book"):
            await stage.player.wait()

    run(play())


def test_stop_leaves_no_task(run):
    stage = Stage(run.loop, trades(0, 10_000_000))

    async def play():
        stage.player.start()
        await asyncio.sleep(0.1)
        await stage.player.stop()
        return [task.get_name() for task in asyncio.all_tasks()]

    assert "opslab-tape" not in run(play())
    assert stage.player.position == 1


def test_stamps_do_not_go_back_with_a_corrected_clock_and_follow_one_that_was_set(run):
    stage = Stage(run.loop, trades(0, 0, 0))

    async def play():
        stage.player.start(held=True)
        for offset_ms in (0, -500, -60_000):
            stage.offset_ms = offset_ms
            stage.player.step()

    run(play())
    assert [event.time_ms - VENUE_NOW_MS for _, event in stage.heard] == [0, 0, -60_000]


@pytest.mark.parametrize("pace", [0, -1, math.nan, -math.inf, True, "1"])
def test_a_pace_that_plays_nothing_is_refused_in_one_line(run, pace):
    with pytest.raises(DataError, match=r"a pace of .* plays nothing; choose a number above 0"):
        Stage(run.loop, trades(0), pace)


def test_a_player_plays_once(run):
    stage = Stage(run.loop, trades(0, 1))

    async def play():
        stage.player.start()
        with pytest.raises(DrillError, match="started before"):
            stage.player.start()
        with pytest.raises(DrillError, match="a step of 0"):
            stage.player.step(0)
        await stage.player.stop()

    run(play())


def test_an_opened_tape_has_a_market_and_waits(run):
    """So that nothing is missed while a node starts, and its first orders meet a book."""
    candles = make_candles([(100, 130, 90, 120, 5_000)] * 2, make_instrument())
    stage = Stage(run.loop, candle_tape(make_instrument(), candles), 60.0)

    async def play():
        stage.player.start(opened=True)
        opened = [type(event) for _, event in stage.heard]
        stage.player.resume()
        await stage.player.wait()
        return opened

    opened = run(play())
    assert opened[:2] == [BookSnapshot, Quote]
    assert Kline not in opened
    closed = [event for _, event in stage.heard if isinstance(event, Kline) and event.is_closed]
    assert len(closed) == 2
