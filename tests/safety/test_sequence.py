"""Books that follow update ids: whenever one is called whole it is the venue's, whatever was lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslab.safety.sequence import BookSequence, Trust


class Venue:
    """A book of a few prices that changes, and everything that it told so far."""

    def __init__(self):
        self.levels, self.last, self.told = {}, 100, []
        self.past = {100: {}}

    def change(self, price, size, width):
        previous = self.last
        self.last += width
        self.levels = {**self.levels, price: size}
        self.past[self.last] = self.levels
        self.told.append((previous, self.last, {price: size}))


class Client:
    """A book made of what a sequence lets through."""

    def __init__(self):
        self.sequence, self.levels = BookSequence(), {}

    def take(self, items):
        for kind, levels in items:
            self.levels = dict(levels) if kind == "snapshot" else {**self.levels, **levels}

    def difference(self, previous, last, levels):
        self.take(self.sequence.difference(previous, last, ("difference", levels)))

    def snapshot(self, asked, last, levels):
        found = self.sequence.snapshot(asked, last, ("snapshot", levels))
        self.take(found or [])
        return found


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["tell", "lose", "change"]), st.integers(1, 4), st.integers(0, 9), st.integers(1, 3)),
        st.tuples(st.just("deliver"), st.integers(0, 3)),
        st.tuples(st.just("again"), st.integers(0, 5)),
        st.tuples(st.just("ask")),
        st.tuples(st.just("answer"), st.integers(0, 3)),
        st.tuples(st.just("reconnect")),
    ),
    max_size=60,
)


class Way:
    """What lies between a venue and its client: differences and snapshots get lost, wait, come again and come late."""

    def __init__(self):
        self.venue, self.client = Venue(), Client()
        self.waiting, self.delivered, self.answers = [], [], []
        self.client.snapshot(self.client.sequence.ask(), self.venue.last, self.venue.levels)

    def lose(self, *change):
        self.venue.change(*change)

    def change(self, *change):
        self.venue.change(*change)
        self.waiting.append(self.venue.told[-1])

    def tell(self, *change):
        self.change(*change)
        self._deliver(self.waiting.pop())

    def deliver(self, place):
        if self.waiting:
            self._deliver(self.waiting.pop(min(place, len(self.waiting) - 1)))

    def again(self, place):
        if self.delivered:
            self.client.difference(*self.delivered[-1 - min(place, len(self.delivered) - 1)])

    def ask(self):
        self.answers.append((self.client.sequence.ask(), self.venue.last, self.venue.levels))

    def answer(self, place):
        if self.answers:
            self.client.snapshot(*self.answers.pop(min(place, len(self.answers) - 1)))

    def reconnect(self):
        self.waiting.clear()
        self.client.sequence.lost()

    def _deliver(self, difference):
        self.delivered.append(difference)
        self.client.difference(*difference)


@settings(max_examples=300, deadline=None)
@given(ACTIONS)
def test_a_book_that_is_called_whole_is_the_venues(actions):
    way = Way()
    for action, *rest in actions:
        getattr(way, action)(*rest)
        if way.client.sequence.is_whole:
            assert way.client.levels == way.venue.past[way.client.sequence.last_id]


@pytest.fixture
def whole():
    client = Client()
    assert client.snapshot(client.sequence.ask(), 100, {1: 1}) is not None
    return client


def test_a_difference_that_follows_is_applied(whole):
    whole.difference(100, 103, {1: 2})
    assert (whole.levels, whole.sequence.last_id, whole.sequence.is_whole) == ({1: 2}, 103, True)


def test_a_difference_that_begins_in_what_is_known_is_applied(whole):
    whole.difference(95, 103, {1: 2})
    assert whole.levels == {1: 2}


def test_a_known_difference_is_left_out(whole):
    whole.difference(95, 99, {1: 7})
    assert (whole.levels, whole.sequence.is_whole) == ({1: 1}, True)


def test_a_gap_breaks_the_book_before_anything_is_applied(whole):
    whole.difference(101, 103, {1: 2})
    assert (whole.levels, whole.sequence.trust) == ({1: 1}, Trust.BROKEN)


def test_a_snapshot_closes_a_gap_and_what_waited_follows(whole):
    whole.difference(101, 103, {1: 2})
    whole.difference(103, 105, {2: 2})
    whole.snapshot(whole.sequence.ask(), 103, {1: 2})
    assert (whole.levels, whole.sequence.last_id) == ({1: 2, 2: 2}, 105)


def test_a_snapshot_from_before_the_gap_is_of_no_use(whole):
    whole.difference(105, 107, {1: 2})
    assert whole.snapshot(whole.sequence.ask(), 104, {1: 9}) is None
    assert (whole.levels, whole.sequence.is_whole) == ({1: 1}, False)


def test_a_late_snapshot_leaves_a_whole_book_alone(whole):
    whole.difference(100, 103, {1: 2})
    assert whole.snapshot(whole.sequence.ask(), 101, {1: 9}) == []
    assert whole.levels == {1: 2}


def test_after_a_reconnect_a_difference_that_follows_proves_the_book(whole):
    whole.sequence.lost()
    assert not whole.sequence.is_whole
    whole.difference(100, 101, {1: 3})
    assert whole.sequence.is_whole


def test_a_snapshot_that_was_asked_for_before_the_reconnect_proves_nothing(whole):
    asked = whole.sequence.ask()
    whole.sequence.lost()
    assert whole.snapshot(asked, 110, {1: 9}) is None


def test_a_venue_that_numbers_anew_is_followed_after_a_snapshot(whole):
    whole.sequence.lost()
    whole.difference(1, 2, {1: 5})
    assert whole.snapshot(whole.sequence.ask(), 2, {1: 5}) is not None
    whole.difference(2, 3, {1: 6})
    assert (whole.levels, whole.sequence.is_whole) == ({1: 6}, True)


def test_a_snapshot_never_takes_a_suspect_book_back(whole):
    whole.sequence.lost()
    assert whole.snapshot(whole.sequence.ask(), 99, {1: 9}) is None
    assert (whole.levels, whole.sequence.is_whole) == ({1: 1}, False)
