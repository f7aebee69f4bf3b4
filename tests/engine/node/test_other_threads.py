"""A timer's callback has a thread of its own: what it changes is not torn while another thread reads or changes it."""

from __future__ import annotations

import hashlib
import threading
from types import SimpleNamespace

from opslab.engine.guards.site import Site
from opslab.engine.node.belief import Belief
from opslab.engine.node.live_tap import LiveTap
from opslab.safety.triggers import MINUTE_NS, PerMinute

PATIENCE = 0.2
"""How long somebody in the midst of a step lets another thread try to get in between."""


class Meddler:
    """Lets another thread do something in the midst of what this one does, once; it has to wait if it is kept out."""

    def __init__(self, act, *, at=1):
        self._act, self._left, self.threads = act, at, []

    def __call__(self):
        self._left -= 1
        if self._left == 0:
            self.threads.append(threading.Thread(target=self._act))
            self.threads[0].start()
            self.threads[0].join(PATIENCE)

    def end(self):
        (thread,) = self.threads
        thread.join()


class Row(dict):
    """A row that lets somebody meddle when it is read."""

    meddle = None

    def __getitem__(self, key):
        self.meddle()
        return super().__getitem__(key)


class Name:
    """A name that lets somebody meddle when it is hashed."""

    def __init__(self):
        self.meddle = lambda: None

    def __hash__(self):
        self.meddle()
        return 1


def event(number):
    name = SimpleNamespace(value=f"O-{number}")
    return SimpleNamespace(client_order_id=name, instrument_id=SimpleNamespace(value="BTCUSDT-PERP.BINANCE"))


def test_a_view_is_taken_while_a_timer_places_an_order():
    belief = Belief("S-001")
    for number in range(3):
        belief.take(event(number))
    row = belief._orders["O-0"] = Row(belief._orders["O-0"])
    row.meddle = meddler = Meddler(lambda: belief.take(event(3)))
    assert len(belief.view()["orders"]) == 3
    meddler.end()
    assert len(belief.view()["orders"]) == 4


def test_why_new_risk_is_denied_is_told_while_a_guard_begins_to_hold():
    site = Site(None, None, lambda: None, lambda _reason: None)
    meddler = Meddler(lambda: site.hold("second", "why too"))
    site.hold("first", lambda: meddler() or "why")
    assert site.held() == {"first": "first: why"}
    meddler.end()
    assert site.held() == {"first": "first: why", "second": "second: why too"}


def test_lines_of_two_threads_are_written_in_the_order_of_their_digest(monkeypatch):
    monkeypatch.setattr("opslab.engine.node.live_tap.to_line", lambda each: f"{each.id}\n".encode())
    lines = []

    def write(line):
        lines.append(line)
        meddler()

    tap = LiveTap(write, lambda: None)
    meddler = Meddler(lambda: tap._take(SimpleNamespace(id=2)))
    tap._take(SimpleNamespace(id=1))
    meddler.end()
    assert (tap.events, lines) == (2, [b"1\n", b"2\n"])
    assert tap.sha256 == hashlib.sha256(b"1\n2\n").hexdigest()


def test_an_order_that_two_threads_tell_of_counts_once():
    counter, name = PerMinute("max_orders_per_minute", 1, "orders"), Name()
    name.meddle = meddler = Meddler(lambda: counter.add(name, 0), at=2)
    assert counter.add(name, 0) is None
    meddler.end()
    assert counter.add("another", 0).value == "2"
    assert counter.add("later", MINUTE_NS) is None
