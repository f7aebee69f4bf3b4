from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opslab.venue.refusal import Refusal
from opslab.venue.stream.listen_keys import VALIDITY_MS, ListenKey, ListenKeys


class Time:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


def keys_at(time: Time) -> ListenKeys:
    numbers = itertools.count(1)
    return ListenKeys(time, lambda: f"key-{next(numbers)}")


def test_the_key_stays_the_same_while_it_lives_and_asking_again_prolongs_it():
    time = Time()
    keys = keys_at(time)
    first = keys.create("a")
    time.ms += VALIDITY_MS - 1
    assert keys.create("a") == first
    time.ms += VALIDITY_MS - 1
    assert keys.account_of(first) == "a"


def test_two_accounts_have_two_keys():
    keys = keys_at(Time())
    assert keys.create("a") != keys.create("b")
    assert keys.account_of(keys.create("b")) == "b"


def test_a_keepalive_prolongs():
    time = Time()
    keys = keys_at(time)
    key = keys.create("a")
    time.ms += VALIDITY_MS - 1
    assert keys.keepalive("a") == key
    time.ms += VALIDITY_MS - 1
    assert keys.keepalive("a", key) == key


def test_after_sixty_minutes_the_key_is_dead_due_once_and_the_next_one_is_new():
    time = Time()
    keys = keys_at(time)
    key = keys.create("a")
    time.ms += 60 * 60 * 1000
    assert keys.account_of(key) is None
    assert [(one.account, one.key) for one in keys.due()] == [("a", key)]
    assert keys.due() == []
    assert keys.create("a") != key


def test_a_new_key_that_replaces_one_that_ran_out_leaves_no_trace_of_it():
    time = Time()
    keys = keys_at(time)
    old = keys.create("a")
    time.ms += VALIDITY_MS
    new = keys.create("a")
    assert (keys.account_of(old), keys.account_of(new), keys.due()) == (None, "a", [])


@pytest.mark.parametrize("what", ["keepalive", "close"])
@pytest.mark.parametrize("which", ["none", "wrong", "over", "of another"])
def test_what_is_not_the_accounts_living_key_is_refused(what: str, which: str):
    time = Time()
    keys = keys_at(time)
    key: str | None = None
    if which == "wrong":
        keys.create("a")
        key = "key-9"
    elif which == "over":
        key = keys.create("a")
        time.ms += VALIDITY_MS
    elif which == "of another":
        key = keys.create("b")
    with pytest.raises(Refusal) as refused:
        getattr(keys, what)("a", key)
    assert (refused.value.code, refused.value.status) == (-1125, 400)


def test_a_closed_or_expired_key_is_dead_at_once_and_is_not_due():
    ended: list[ListenKey] = []
    numbers = itertools.count(1)
    keys = ListenKeys(Time(), lambda: f"key-{next(numbers)}", on_close=ended.append)
    closed = keys.create("a")
    assert keys.close("a", closed) == closed
    assert [one.key for one in ended] == [closed]
    expired = keys.create("a")
    found = keys.expire("a")
    assert found is not None
    assert found.key == expired
    assert [keys.account_of(one) for one in (closed, expired)] == [None, None]
    assert keys.expire("a") is None


class LivesOfKeys(RuleBasedStateMachine):
    """Whatever happens, the keys alive are those of a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.time = Time()
        self.keys = keys_at(self.time)
        self.alive: dict[str, tuple[str, int]] = {}
        self.every: set[str] = set()

    @rule(account=st.sampled_from("abc"))
    def create(self, account: str) -> None:
        key = self.keys.create(account)
        if account in self.alive:
            assert key == self.alive[account][0]
        else:
            assert key not in self.every
        self.every.add(key)
        self.alive[account] = (key, self.time.ms + VALIDITY_MS)

    @rule(account=st.sampled_from("abc"))
    def keepalive(self, account: str) -> None:
        if account in self.alive:
            self.keys.keepalive(account)
            self.alive[account] = (self.alive[account][0], self.time.ms + VALIDITY_MS)

    @rule(account=st.sampled_from("abc"))
    def close(self, account: str) -> None:
        if account in self.alive:
            self.keys.close(account)
            del self.alive[account]

    @rule(minutes=st.integers(0, 70))
    def wait(self, minutes: int) -> None:
        self.time.ms += minutes * 60_000
        self.alive = {name: one for name, one in self.alive.items() if one[1] > self.time.ms}

    @rule()
    def sweep(self) -> None:
        self.keys.due()

    @invariant()
    def agrees(self) -> None:
        told = {key: self.keys.account_of(key) for key in self.every}
        assert {key: name for key, name in told.items() if name} == {key: name for name, (key, _) in self.alive.items()}


TestLivesOfKeys = LivesOfKeys.TestCase
