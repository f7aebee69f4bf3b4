"""What makes a paper run a failed one, and what a failed one still tells: nothing is lost, and nothing blamed wrongly."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from datetime import timedelta

import pytest
from tests.runs.acting import FAST, Acts, begun, run

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import OpsLabError, StoreError, VenueError
from opslab.root import find_lab
from opslab.runs import paper_record
from opslab.runs.finish import problems_of
from opslab.runs.paper import begin_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec
from opslab.store.reader import Bundle


def in_timer(strategy: Acts) -> None:
    strategy.clock.set_time_alert("t", strategy.clock.utc_now() + timedelta(seconds=0.1), strategy.breaks)


def in_thread(strategy: Acts) -> None:
    threading.Thread(target=strategy.breaks, name="signals").start()


async def work(strategy: Acts) -> None:
    strategy.breaks()


def in_lost_task(strategy: Acts) -> None:
    asyncio.get_running_loop().create_task(work(strategy))


def in_held_task(strategy: Acts) -> None:
    strategy.held.append(asyncio.get_running_loop().create_task(work(strategy)))


def in_callback(strategy: Acts) -> None:
    asyncio.get_running_loop().call_later(0.1, strategy.breaks)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


LOST = {
    "timer": (in_timer, "a timer raised"),
    "thread": (in_thread, "thread signals raised"),
    "lost_task": (in_lost_task, "task Task-"),
    "held_task": (in_held_task, "task Task-"),
    "callback": (in_callback, "a callback raised"),
}


@pytest.mark.parametrize("name", LOST)
def test_an_exception_that_nobody_handles_is_a_failed_run(lab, name, capsys):
    act, told = LOST[name]
    hooks = threading.excepthook, sys.unraisablehook
    bundle = run(lab, f"lost-{name.replace('_', '-')}", act)
    assert bundle.metadata.status == "failed"
    assert f"an exception was lost: {told}" in bundle.metadata.error
    assert "ValueError: nobody hears this (at " in bundle.metadata.error
    assert "acting.py:" in bundle.metadata.error
    assert (threading.excepthook, sys.unraisablehook) == hooks
    assert "Traceback" not in capsys.readouterr().err
    assert problems_of(bundle) == []


@pytest.mark.parametrize("place", ["start", "bar"])
def test_a_strategy_that_exits_is_a_failed_run_and_no_interrupt(lab, place, capsys):
    bundle = run(lab, f"exits-{place}", lambda _: sys.exit(3), place)
    found = bundle.metadata
    assert (found.status, found.failure_reason) == ("failed", "error")
    assert "the strategy asked the process to exit: SystemExit: 3" in found.error
    assert "Traceback" not in capsys.readouterr().err


def test_a_factory_that_exits_is_a_failed_run(lab):
    registry = standard_registry()
    registry.register("exits", lambda _context: sys.exit(4), "tests")
    spec = edited(read_spec(paper_spec()), {**FAST, "strategy.name": "exits", "strategy.params": None})
    living = begin_paper(lab, spec, registry, run_id="factory-exits", host_of=thread_host)
    with living:
        with pytest.raises(OpsLabError, match="raised SystemExit: 4") as told:
            living.start()
        assert living.fail(told.value).metadata.failure_reason == "error"


def test_a_fill_is_recorded_whose_handler_raises_and_the_three_views_are_taken(lab):
    bundle = run(lab, "fill-handler", Acts.breaks, "filled")
    assert bundle.metadata.status == "failed"
    assert [event["type"] for event in bundle.events].count("OrderFilled") == 1
    assert bundle.metrics.fills_count == 1
    taken = [event["phase"] for event in bundle.journal if event["event"] == "views_taken"]
    assert taken == ["start", "failed"]
    last = {row["view"]: row for row in bundle.views if row["phase"] == "failed"}
    filled = {name: float(row["orders"][0]["filled_quantity"]) for name, row in last.items()}
    assert filled == dict.fromkeys(("venue", "engine", "strategy"), 0.01)


def test_what_the_venue_refuses_is_counted(lab):
    changes = {"execution.starting_balance": "10"}
    bundle = run(lab, "rejections", lambda strategy: strategy.buy("1.000"), "bar", **changes)
    rejected = [event["type"] for event in bundle.events].count("OrderRejected")
    assert rejected > 0
    assert bundle.metrics.orders_rejected == rejected == bundle.metadata.paper_execution.counters.orders_rejected
    assert f"orders_rejected: {rejected}" in (bundle.path / "report.md").read_text().replace("`", "").replace("*", "")


def test_a_run_that_proves_nothing_is_a_failed_run(lab):
    bundle = run(lab, "idle", **{"execution.max_seconds": 1, "execution.max_bars": None})
    assert bundle.metadata.status == "failed"
    assert "was handed no market data and sent no order within 1 s" in bundle.metadata.error


def test_a_bound_before_the_first_bar_is_a_failed_run(lab):
    changes = {"execution.pace": 1, "execution.max_seconds": 1, "execution.max_bars": None}
    bundle = run(lab, "too-short", lambda _: None, **changes)
    assert "was handed no market data" in bundle.metadata.error


def test_what_it_was_handed_is_counted(lab):
    bundle = run(lab, "handed", lambda _: None)
    assert bundle.metadata.status == "completed"
    assert bundle.metrics.data_seen >= bundle.metrics.bars_seen >= 6


def test_keys_in_what_a_strategy_says_are_masked(lab, capfd):
    keys = []

    def host_of(*words):
        host = thread_host(*words)
        start = host.start

        def started():
            address = start()
            keys.extend((address.api_key, address.api_secret))
            return address

        host.start = started
        return host

    def tells(_strategy):
        raise ValueError(f"cut {keys[1][:20]} and whole {keys[0]} {keys[1]}")

    bundle = run(lab, "keys", tells, "bar", host_of=host_of)
    assert "cut *** and whole *** ***" in bundle.metadata.error
    for path in bundle.path.rglob("*"):
        if path.is_file():
            assert not [key for key in keys if key[:20].encode() in path.read_bytes()], path
    assert not [key for key in keys if key[:20] in "".join(capfd.readouterr())]


def test_a_disk_that_is_full_is_blamed_and_not_the_strategy(lab, monkeypatch):
    write = paper_record.GrowingFile.write

    def full(self, content):
        if b"OrderAccepted" in content:
            raise StoreError("cannot be written: No space left on device", where=self._path, fix="free some space")
        write(self, content)

    monkeypatch.setattr(paper_record.GrowingFile, "write", full)
    bundle = run(lab, "disk-full", Acts.buy, "bar")
    assert "events.jsonl: cannot be written: No space left on device" in bundle.metadata.error
    assert "strategy" not in bundle.metadata.error
    assert problems_of(bundle) == []


def test_a_torn_wire_log_is_a_failed_run(lab):
    def host_of(plan, where, wire_path):
        host = thread_host(plan, where, wire_path)
        stop = host.stop

        def torn():
            stop()
            if wire_path.exists():
                wire_path.write_bytes(wire_path.read_bytes()[:-5])

        host.stop = torn
        return host

    bundle = run(lab, "torn-wire", lambda _: None, host_of=host_of)
    assert bundle.metadata.status == "failed"
    assert "wire.jsonl: ends in the middle of a line" in bundle.metadata.error


def test_a_venue_that_does_not_end_well_is_a_failed_run(lab):
    def host_of(*words):
        host = thread_host(*words)
        stop = host.stop

        def ended():
            stop()
            raise VenueError("the venue's process ended with exit code 1: the disk is full")

        host.stop = ended
        return host

    bundle = run(lab, "venue-ends-badly", lambda _: None, host_of=host_of)
    assert (bundle.metadata.status, problems_of(bundle)) == ("failed", [])
    assert "ended with exit code 1: the disk is full" in bundle.metadata.error


def test_a_venue_whose_process_is_killed_ends_the_run_at_once(lab):
    living = begun(lab, "venue-killed", lambda _: None, host_of=None, **{"execution.max_bars": None})
    with living:
        living.start()
        os.kill(living.host.facts().pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(VenueError, match="the venue died: its process ended by signal SIGKILL") as told:
            living.run_to_bound()
        assert time.monotonic() - began < 5
        bundle = living.fail(told.value)
    assert "ended by signal SIGKILL" in bundle.metadata.error
    assert problems_of(bundle) == []


def test_keys_are_masked_where_a_drill_is_told_of_an_error(lab):
    living = begun(lab, "keys-shown", lambda _: None)
    with living:
        living.start()
        error = OpsLabError(f"signed with {living.address.api_secret}")
        assert living.shown(error) == "signed with ***"
        living.fail(error)
    assert Bundle(lab.runs / "keys-shown").metadata.error == "signed with ***"
