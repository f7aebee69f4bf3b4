"""What Prometheus is told of a paper run's feeds, and of whom a run is."""

from __future__ import annotations

import json

import pytest

from opslab.store.lock import Lock


def heard(**seconds: int) -> str:
    feeds = {feed: {"count": 1, "ts_utc": f"1970-01-01T00:00:{at:02d}.500000Z"} for feed, at in seconds.items()}
    return json.dumps({"event": "market_data_heard", "feeds": feeds}) + "\n"


def ages(place) -> dict[str, float]:
    found = place.samples()
    return {key[-1]: value for key, value in found.items() if key[0] == "paper_market_data_timestamp_seconds"}


def test_the_last_telling_counts(place):
    path = place.started("r")
    with (path / "journal.jsonl").open("a") as file:
        file.write(heard(quotes=1, bars=2) + heard(quotes=7, bars=2) + json.dumps({"event": "views_taken"}) + "\n")
    assert ages(place) == {"quotes": 7.5, "bars": 2.5}


def test_a_journal_that_grows_is_followed(place):
    path = place.started("r")
    assert ages(place) == {}
    for second in (3, 9):
        with (path / "journal.jsonl").open("a") as file:
            file.write(heard(quotes=second))
        assert ages(place) == {"quotes": second + 0.5}


@pytest.mark.parametrize("feeds", [None, [], {"quotes": 3}, {"quotes": {"ts_utc": "soon"}}, {"quotes": {"ts_utc": 3}}])
def test_a_malformed_telling_makes_no_age_up_and_the_next_one_counts(place, feeds):
    path = place.started("r")
    with (path / "journal.jsonl").open("a") as file:
        file.write(heard(quotes=4) + json.dumps({"event": "market_data_heard", "feeds": feeds}) + "\n")
    assert ages(place) in ({"quotes": 4.5}, {})
    with (path / "journal.jsonl").open("a") as file:
        file.write(heard(quotes=5))
    assert ages(place) == {"quotes": 5.5}


def test_feeds_are_bounded(place):
    path = place.started("r")
    with (path / "journal.jsonl").open("a") as file:
        file.write(heard(**{f"f{number}": 1 for number in range(100)}))
    assert len(ages(place)) == 20


@pytest.mark.parametrize(("session", "value"), [({}, 0), ({"session_id": "20260101t000000z-aaaa"}, 1)])
def test_a_run_of_a_session_of_drills_is_told_apart(place, session, value):
    place.run("r1", **session)
    assert place.samples()["run_rehearsed", "r1", "backtest", "nautilus", "binance", "BTCUSDT"] == value


@pytest.mark.parametrize(
    ("events", "state"),
    [((), "absent"), (("kill_activated",), "active"), (("kill_activated", "kill_cleared"), "cleared")],
)
def test_the_switch_of_a_living_run_is_as_its_journal_says(place, events, state):
    safety = {"kill_switch": {"state": "absent"}}
    path = place.run("r1", status="running", completed_at_utc=None, safety=safety)
    with (path / "journal.jsonl").open("a") as file:
        file.writelines(json.dumps({"event": name}) + "\n" for name in events)
    lock = Lock(path / "run.lock")
    lock.acquire()
    try:
        found = [key for key in place.samples() if key[0] == "kill_switch_state"]
    finally:
        lock.release()
    assert found == [("kill_switch_state", "r1", state)]


def test_the_switch_of_a_run_that_ended_stays_as_the_run_recorded_it(place):
    path = place.run("r1", safety={"kill_switch": {"state": "absent"}})
    with (path / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"event": "kill_activated"}) + "\n")
    assert ("kill_switch_state", "r1", "absent") in place.samples()
