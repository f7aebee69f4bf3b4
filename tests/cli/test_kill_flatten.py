"""``tc kill flatten``: what it does to the switch, the venue and the record, and how it refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.venue.small import small

from opslab.root import find_lab
from opslab.runs.venue_keys import KeyFile, VenueKeys
from opslab.store.journal import Journal, read_chain
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce
from opslab.venue.thread import VenueThread

RUN = "paper-001"


@pytest.fixture
def venue():
    with VenueThread(small()) as thread:
        buy = NewOrder(symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=Decimal("0.01"))
        thread.call(lambda inner: [inner.exchange.submit("main", order) for order in _orders(buy)])
        yield thread


def _orders(buy):
    from dataclasses import replace

    return [replace(buy, price=Decimal(price), time_in_force=TimeInForce.GTC) for price in (60_010, 59_000)]


@pytest.fixture
def lab(place):
    return find_lab(place, {}, [place])


@pytest.fixture
def begun(lab):
    """Write what a paper run on a venue has on disk while it lives."""

    def write(http, keys=("K", "S"), mode="paper", venue=True):
        bundle = lab.runs / RUN
        bundle.mkdir(parents=True)
        journal = Journal(bundle / "journal.jsonl", RUN)
        base = {"ts_utc": "2026-01-05T00:00:00.000000Z", "run_id": RUN, "mode": mode}
        journal.append({**base, "event": "run_started"})
        if venue:
            place = {"market": "futures", "host": "process", "http": http, "account": "main"}
            told = {**base, "event": "paper_started", "venue": place, "instruments": ["BTCUSDT-PERP.BINANCE"]}
            journal.append(told)
        journal.close()
        if keys:
            KeyFile(lab, RUN).write(VenueKeys(*keys))
        return bundle

    return write


@pytest.fixture
def living(venue, begun):
    account = venue.accounts[0]
    return begun(venue.endpoint.http, (account.api_key, account.api_secret))


@pytest.fixture
def flatten(command):
    return lambda *words: command("kill", "flatten", "--run-id", RUN, *words)


def events(bundle):
    return read_chain((bundle / "journal.jsonl").read_bytes()).events


def state(command):
    return next(line for line in command("kill", "status", "--run-id", RUN).out if line.startswith("state="))


def is_empty(venue):
    return venue.call(lambda inner: not inner.exchange.open_orders("main") and not inner.exchange.positions("main"))


def test_it_forbids_new_risk_empties_the_venue_and_records_it(flatten, living, venue, command):
    told = flatten("--reason", "it hangs", "--actor", "ann")
    assert told.code == 0
    assert told.out[:3] == [f"run_id={RUN}", "is_switch_active=true", "is_flat=true"]
    assert is_empty(venue)
    assert state(command) == "state=active"
    names = [event["event"] for event in events(living)]
    assert names[2:] == ["kill_activated", "containment_began", "containment_ended"]
    ended = events(living)[-1]
    assert (ended["is_flat"], ended["orders_cancelled"], ended["positions_closed"]) == (True, 1, 1)
    assert "it hangs" in events(living)[-2]["cause"]


def test_its_events_are_those_of_the_contract(flatten, living):
    from opslab.contract.containment_events import CONTAINMENT_EVENTS

    flatten()
    for event in events(living)[3:]:
        facts = {name: value for name, value in event.items() if name not in ("seq", "prev_sha256")}
        assert CONTAINMENT_EVENTS[event["event"]].model_validate(facts).to_dict() == facts, "no field is left out"


def test_it_can_be_done_again(flatten, living):
    assert flatten().code == 0
    assert flatten().code == 0


def test_it_tells_json(flatten, living):
    told = flatten("--json")
    document = json.loads("\n".join(told.out))
    assert document["is_flat"] is True
    assert document["left"] == {"orders": [], "positions": {}}
    assert document["warnings"] == []


def test_what_remains_is_named_in_one_line(flatten, living, venue):
    venue.call(lambda inner: inner.exchange.set_status("BTCUSDT", "HALT"))
    told = flatten("--seconds", "0.8")
    assert told.code == 1
    assert "is_flat=false" in told.out
    error = [line for line in told.err if line.startswith("error:")]
    assert len(error) == 1
    assert "BTCUSDT 0.01" in error[0]
    assert "-4108" in error[0]


def test_a_venue_that_is_gone_is_unknown_and_not_flat(flatten, begun, command):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    begun(f"http://127.0.0.1:{port}")
    told = flatten("--seconds", "0.3")
    assert told.code == 1
    assert "ConnectError" in told.err[-1]
    assert state(command) == "state=active"


def test_wrong_keys_are_one_line(flatten, begun, venue):
    bundle = begun(venue.endpoint.http, ("wrong", "keys"))
    told = flatten()
    assert told.code == 1
    assert "-2015" in told.err[-1]
    assert not is_empty(venue)
    assert events(bundle)[-1]["unknown"]


@pytest.fixture
def spec_that_names_keys(living):
    text = (Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_paper.yaml").read_text()
    readiness = "connectivity_readiness: {credential_placeholders: {required_env: [RUN_KEY, RUN_SECRET]}}\n"
    (living / "run_spec.yaml").write_text(text.split("connectivity_readiness:")[0] + readiness)


@pytest.mark.usefixtures("spec_that_names_keys")
@pytest.mark.parametrize(("key", "secret"), [("OTHER", "OTHER"), ("K", ""), ("", "S")])
def test_keys_of_another_account_in_the_environment_hinder_nothing(flatten, venue, monkeypatch, key, secret):
    monkeypatch.setenv("RUN_KEY", key)
    monkeypatch.setenv("RUN_SECRET", secret)
    told = flatten()
    assert (told.code, is_empty(venue)) == (0, True)
    assert any("environment" in line for line in told.err) is (key == secret)
    assert not any("OTHER" in line for line in (*told.out, *told.err))


def test_no_such_run_changes_nothing(flatten, written):
    before = written()
    told = flatten()
    assert (told.code, len(told.err)) == (1, 1)
    assert "there is no run" in told.err[0]
    assert written() == before


def test_a_backtest_changes_nothing(flatten, begun, written):
    begun("", mode="backtest", venue=False, keys=None)
    before = written()
    told = flatten()
    assert (told.code, len(told.err)) == (1, 1)
    assert "is a backtest" in told.err[0]
    assert written() == before


def test_a_run_that_has_ended_changes_nothing(flatten, begun, written):
    bundle = begun("http://127.0.0.1:1")
    journal = Journal(bundle / "journal.jsonl", RUN)
    journal.append({"event": "run_completed", "run_id": RUN})
    journal.close()
    before = written()
    told = flatten()
    assert (told.code, len(told.err)) == (1, 1)
    assert "has ended" in told.err[0]
    assert written() == before


def test_a_run_without_a_venue_yet_is_forbidden_all_the_same(flatten, begun, command):
    begun("", venue=False)
    told = flatten()
    assert told.code == 1
    assert "not come to its venue" in told.err[-1]
    assert state(command) == "state=active"


@pytest.mark.parametrize("http", ["https://fapi.binance.com", "http://10.0.0.1:80", "", None, 7, {"a": 1}])
def test_nothing_but_loopback_is_spoken_to(flatten, begun, http):
    begun(http)
    told = flatten()
    assert told.code == 1
    assert told.err[-1].startswith("error:")
    assert "Traceback" not in "".join(told.err)


def test_keys_that_are_nowhere_are_one_line(flatten, begun, venue):
    begun(venue.endpoint.http, keys=None)
    told = flatten()
    assert told.code == 1
    assert told.err[-1].startswith("error:")
    assert "keys" in told.err[-1]


def test_two_at_once_are_refused(flatten, living, lab):
    from opslab.runs.flattening import flatten_directory
    from opslab.safety.flatten.log import FlattenLog

    with FlattenLog(flatten_directory(lab, RUN)):
        told = flatten()
    assert told.code == 1
    assert "another flatten" in told.err[-1]


def test_a_log_that_is_broken_keeps_no_flatten_from_its_work(flatten, living, lab, venue):
    from opslab.runs.flattening import flatten_directory

    directory = flatten_directory(lab, RUN)
    directory.mkdir(parents=True)
    (directory / "intents.json").write_bytes(b"{")
    told = flatten()
    assert told.code == 0
    assert is_empty(venue)
    assert any("not written down" in line for line in told.err)


def test_a_full_disk_keeps_no_flatten_from_its_work(living, venue, place):
    """In a process of its own, whose output goes into a pipe: a full disk takes no files, the output among them."""
    words = ["kill", "flatten", "--run-id", RUN]
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        f"sys.argv = ['tc', *{words!r}]; from opslab.cli.main import main; main()"
    )
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert is_empty(venue)
    assert "not written down" in told.stderr
    assert "could not be recorded" in told.stderr
    assert "is_flat=true" in told.stdout
    assert "Traceback" not in told.stderr
    assert told.returncode == int("is_switch_active=false" in told.stdout)


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "-1"], ["--seconds", "nan"], ["--seconds", "x"]])
def test_a_time_that_is_none_is_wrong_usage(flatten, living, words):
    told = flatten(*words)
    assert told.code in (1, 2)
    assert "Traceback" not in "".join(told.err)


def test_a_reader_who_goes_away_stops_nothing(flatten, living, venue, monkeypatch):
    from opslab.cli import kill_flatten

    def closed(*words, **more):
        raise BrokenPipeError

    monkeypatch.setattr(kill_flatten, "_teller", lambda: closed)
    assert flatten().code == 0
    assert is_empty(venue)
