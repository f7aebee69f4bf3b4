from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.venue.client import ask, signed

from opslab.errors import VenueError
from opslab.venue.orders import AccountSetup, Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan, read_plan


def test_a_child_serves_and_its_books_are_seen_through_the_control_door():
    with VenueProcess(Plan(market=Market.FUTURES, is_held=True)) as venue:
        account = AccountSetup("main", venue.api_key, venue.api_secret, {})
        assert ask(venue.endpoint.http, "GET", "/fapi/v1/ping") == (200, {})
        assert venue.control.post("tape", do="step", count=5)["position"] == 5
        assert venue.facts() == {**venue.endpoint.facts(), "pid": venue.pid}
        status, _ = signed(venue.endpoint.http, account, "GET", "/fapi/v2/account")
        assert status == 200
        assert venue.control.get("ledger")["digest"] == venue.control.get("digest")["digest"]
        command = b"".join(Path(f"/proc/{venue.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        for secret in (venue.api_key, venue.api_secret, venue.endpoint.token):
            assert secret.encode() not in command
        pid = venue.pid
    assert not Path(f"/proc/{pid}").exists()


def test_keys_that_are_given_are_the_childs():
    keys = {"api_key": "k" * 64, "api_secret": "s" * 64}
    with VenueProcess(read_plan(json.dumps({"market": "spot", "accounts": [keys]}))) as venue:
        assert (venue.api_key, venue.api_secret) == (keys["api_key"], keys["api_secret"])


def test_a_stopped_child_is_killed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("opslab.venue.process._STOP_SECONDS", 0.2)
    venue = VenueProcess(Plan(market=Market.FUTURES))
    venue.start()
    os.kill(venue.pid, signal.SIGSTOP)
    assert venue.stop() == -signal.SIGKILL


@pytest.mark.parametrize(("outlives", "expected"), [(False, "gone"), (True, "there")])
def test_a_child_dies_with_its_parent_unless_it_is_told_to_outlive_it(outlives: bool, expected: str):
    code = (
        "import os, sys\n"
        "from opslab.venue.process import VenueProcess\n"
        "from opslab.venue.serve import Plan\n"
        f"venue = VenueProcess(Plan(market='futures', seconds=20), outlives_parent={outlives})\n"
        "venue.start()\n"
        "print(venue.pid, venue.endpoint.http, flush=True)\n"
        "os._exit(1)\n"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid, http = parent.stdout.split()
    handle = os.pidfd_open(int(pid)) if expected == "there" else None
    try:
        if expected == "there":
            assert ask(http, "GET", "/fapi/v1/ping") == (200, {})
        else:
            _wait_until_gone(int(pid))
    finally:
        if handle is not None:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)


def _wait_until_gone(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 10)[0], "the child is still there"
    finally:
        os.close(handle)


def test_a_child_that_cannot_start_is_told_in_its_own_words(tmp_path: Path):
    taken = tmp_path / "wire.jsonl"
    taken.write_text("")
    venue = VenueProcess(Plan(market=Market.FUTURES, wire_path=taken))
    with pytest.raises(VenueError, match=r"wire\.jsonl: cannot be created: File exists"):
        venue.start()
    assert not venue.is_alive


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "plan"),
        ("[]", "plan"),
        ('{"market":"options"}', "market"),
        ('{"market":"spot","colour":"red"}', "colour: is an unknown key"),
        ('{"market":"spot","port":70000}', "port"),
        ('{"market":"spot","seconds":0}', "seconds"),
        ('{"market":"spot","accounts":[{"api_secret":7777777}]}', "api_secret"),
    ],
)
def test_a_plan_that_is_none_is_told_without_its_values(text: str, words: str):
    with pytest.raises(VenueError, match=words) as told:
        read_plan(text)
    assert "7777777" not in str(told.value)
