"""A program pulls the switch once, and the run is told as a person's pull is; the switch counts more than the telling."""

from __future__ import annotations

import pytest

from opslab.contract.kill_switch import KillActivated
from opslab.errors import StoreError
from opslab.safety.pulling import puller


def test_the_run_is_told_once_of_the_event_that_the_switch_has(switches):
    told = []
    pull = puller(switches, "k1", lambda event, facts: told.append((event, facts)), "node")
    pull("too\nmuch")
    pull("much too much")
    ((event, facts),) = told
    said = KillActivated.model_validate(facts)
    assert (event, said.reason, said.source) == ("kill_activated", "too\\nmuch", "node")
    assert switches.read("k1").record["last_event_id"] == said.event_id


def test_a_switch_that_somebody_pulled_already_is_not_told_of_again(switches):
    told = []
    switches.activate("k1", "enough", "ann")
    puller(switches, "k1", lambda *words: told.append(words))("too much")
    assert told == []


def test_a_journal_that_cannot_be_written_leaves_the_switch_pulled(switches):
    def full(_event, _facts):
        raise StoreError("no space left on device")

    puller(switches, "k1", full)("too much")
    assert switches.gate("k1").blocked


def test_a_switch_that_cannot_be_written_is_told_of_when_it_is(switches, monkeypatch):
    told = []
    pull = puller(switches, "k1", lambda *words: told.append(words))
    with monkeypatch.context() as broken:
        broken.setattr(type(switches), "activate", lambda *_words: (_ for _ in ()).throw(StoreError("full")))
        with pytest.raises(StoreError):
            pull("too much")
    assert told == []
    pull("too much")
    assert len(told) == 1
