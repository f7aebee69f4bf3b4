"""What is rendered of people and of the dead man's switch: who is called, who acknowledged what, what was renewed."""

from __future__ import annotations

from types import SimpleNamespace

from opslab.report.pulls import dead_man_section, owner_line, pulls_section

STAMP = "2026-01-01T00:00:00.000000Z"
PULLED = {"event": "kill_activated", "event_id": "1", "ts_utc": STAMP, "actor": "opslab", "reason": "too | much"}
CLEARED = {"event": "kill_cleared", "event_id": "2", "ts_utc": STAMP, "actor": "ann", "reason": "mended"}
ARMED = {
    "event": "dead_man_acted",
    "ts_utc": STAMP,
    "action": "armed",
    "symbols": ["BTCUSDT", "ETHUSDT"],
    "countdown_ms": 30_000,
    "detail": "it counts | down",
}


def bundle(*events, owner=None):
    return SimpleNamespace(journal=events, spec=SimpleNamespace(risk=SimpleNamespace(owner=owner)))


def test_who_is_called_is_said_also_when_nobody_is_named():
    assert owner_line(bundle(owner="a | b")).startswith("owner: a")
    assert "|" not in owner_line(bundle(owner="a | b")).replace("\\|", "")
    assert owner_line(bundle()) == "owner: not named"


def test_a_pull_that_stands_is_shown_as_that():
    assert "| **not acknowledged** |" in pulls_section(bundle(PULLED))


def test_a_pull_that_was_cleared_shows_by_whom_and_why():
    shown = pulls_section(bundle(PULLED, CLEARED))
    assert f"acknowledged by ann at {STAMP}: mended" in shown
    assert "not acknowledged" not in shown


def test_a_run_that_nobody_pulled_shows_nothing():
    assert pulls_section(bundle(ARMED)) == ""
    assert dead_man_section(bundle(PULLED)) == ""


def test_a_countdown_is_shown_with_its_counts():
    last = {**ARMED, "action": "ended", "detail": "well", "renewals": 7, "failures": 1, "weight": 80}
    shown = dead_man_section(bundle(ARMED, last))
    assert "countdown of 30 s: 7 renewals were confirmed and 1 were not" in shown
    assert shown.count("BTCUSDT, ETHUSDT") == 2
    assert "it counts | down" not in shown
