"""When a client may ask again, and how near it may come to the limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from opslab.safety.breaker import BAN_SECONDS, LIMIT_SECONDS, MOST_SECONDS, Breaker, Passage

WALL = 1_800_000_000.0
"""The beginning of a minute."""


def used(breaker, weight, wall=WALL):
    breaker.hear(0.0, wall, 200, {"X-MBX-USED-WEIGHT-1M": str(weight)})


def test_nothing_leaves_into_a_ban_not_even_a_cancel():
    breaker = Breaker()
    assert breaker.hear(10.0, WALL, 418, {"Retry-After": "120"})
    for is_cancel in (False, True):
        ruling = breaker.ask(129.0, WALL, is_cancel=is_cancel)
        assert (ruling.passage, round(ruling.seconds)) == (Passage.SHUT, 1)


def test_it_says_why():
    breaker = Breaker()
    breaker.hear(0.0, WALL, 418, {"Retry-After": "120"})
    told = breaker.ask(0.0, WALL).reason
    assert "banned this address (418), 120.0 s to go" in told
    assert "cancels neither" in told


def test_one_probe_finds_out_whether_the_venue_answers_again():
    breaker = Breaker()
    breaker.hear(0.0, WALL, 429, {"Retry-After": "5"})
    assert not breaker.may_probe(4.9)
    assert breaker.may_probe(5.0)
    assert not breaker.may_probe(5.0)
    assert breaker.ask(6.0, WALL).passage is Passage.SHUT
    assert breaker.probed(6.0, answered=True)
    assert breaker.ask(6.0, WALL).passage is Passage.OPEN


def test_a_probe_without_an_answer_keeps_it_shut():
    breaker = Breaker()
    breaker.hear(0.0, WALL, 429, {"Retry-After": "5"})
    assert breaker.may_probe(5.0)
    assert not breaker.probed(5.0, answered=False)
    assert breaker.is_shut
    assert breaker.may_probe(6.0)


def test_an_answer_without_a_time_counts_as_the_shortest_that_is_usual():
    for status, seconds in ((429, LIMIT_SECONDS), (418, BAN_SECONDS)):
        breaker = Breaker()
        breaker.hear(0.0, WALL, status, {"retry-after": "soon"})
        assert breaker.until == seconds


def test_the_end_of_a_ban_is_read_from_its_message():
    breaker = Breaker()
    body = f'{{"code":-1003,"msg":"Way too many requests; IP banned until {int((WALL + 300) * 1000)}."}}'
    breaker.hear(0.0, WALL, 418, {"Retry-After": "120"}, body)
    assert breaker.until == 300.0


def test_a_limit_does_not_hide_a_ban():
    breaker = Breaker()
    breaker.hear(0.0, WALL, 418, {"Retry-After": "120"})
    assert not breaker.hear(0.0, WALL, 429, {"Retry-After": "5"})
    assert (breaker.status, breaker.until) == (418, 120.0)


def test_it_slows_down_before_the_limit_and_keeps_a_rest_for_cancels():
    breaker = Breaker(limit=1000)
    passages = []
    for weight in (799, 800, 900, 950):
        used(breaker, weight)
        passages.append(breaker.ask(0.0, WALL).passage)
    assert passages == [Passage.OPEN, Passage.SLOW, Passage.SLOW, Passage.SHUT]
    assert breaker.ask(0.0, WALL, is_cancel=True).passage is Passage.OPEN


def test_a_new_minute_begins_at_nothing():
    breaker = Breaker(limit=1000)
    used(breaker, 990)
    assert breaker.ask(0.0, WALL + 59.9).passage is Passage.SHUT
    assert breaker.ask(0.0, WALL + 60.0).passage is Passage.OPEN


def test_an_answer_that_was_overtaken_does_not_lower_the_weight():
    breaker = Breaker(limit=1000)
    used(breaker, 990)
    used(breaker, 10)
    assert breaker.ask(0.0, WALL).passage is Passage.SHUT


@given(st.text(max_size=20), st.text(max_size=200))
def test_nonsense_from_a_venue_shuts_for_a_bounded_time(after, body):
    breaker = Breaker()
    breaker.hear(0.0, WALL, 429, {"Retry-After": after}, body)
    assert 0 < breaker.until <= MOST_SECONDS


class Breaking(RuleBasedStateMachine):
    """Whatever comes in whatever order, nothing leaves before the time that any answer named is over."""

    @initialize()
    def begin(self):
        self.breaker, self.now, self.until = Breaker(limit=100), 0.0, 0.0

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds):
        self.now += seconds

    @rule(status=st.sampled_from([418, 429]), after=st.integers(1, 100))
    def refuse(self, status, after):
        self.breaker.hear(self.now, WALL, status, {"Retry-After": str(after)})
        self.until = max(self.until, self.now + after)

    @rule(weight=st.integers(0, 200))
    def answer(self, weight):
        self.breaker.hear(self.now, WALL, 200, {"x-mbx-used-weight-1m": str(weight)})

    @rule(answered=st.booleans())
    def probe(self, answered):
        if self.breaker.may_probe(self.now):
            assert self.now >= self.until
            self.breaker.probed(self.now, answered=answered)

    @rule(is_cancel=st.booleans())
    def ask(self, is_cancel):
        if self.now < self.until:
            assert self.breaker.ask(self.now, WALL, is_cancel=is_cancel).passage is Passage.SHUT


TestBreaking = Breaking.TestCase
