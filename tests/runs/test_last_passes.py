"""When each drill last passed: carried from session to session, whatever is pruned, broken, or runs at the same time."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslab.clock import to_stamp
from opslab.contract.drill import SessionReport, Verdict
from opslab.root import Lab, find_lab
from opslab.runs import sessions
from opslab.runs.sessions import MOST, NEWEST, SESSION_FILE, SessionDirectory, last_passes, passes_of, prune

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def at(minute: int) -> str:
    return to_stamp(BEGIN + timedelta(minutes=minute))


def session_id(number: int) -> str:
    return f"20260101t{number:06d}z-abcd"


def row(drill: str = "a", minute: int = 1, verdict: str = "pass", **changes: object) -> dict:
    return {"drill": drill, "verdict": verdict, "ts_utc": at(minute), "mutant": None, **changes}


def report(number: int, *rows: dict, **changes: object) -> SessionReport:
    fields = {
        "session_id": session_id(number),
        "started_at_utc": at(0),
        "completed_at_utc": at(1),
        "status": "completed",
        "seed": 1,
        "lab_version": "0.9.0",
        "engine_version": "1.231.0",
        "mutants": False,
        "verdicts": {"pass": 1},
        "drills": rows,
        "runs": (),
    }
    return SessionReport(**{**fields, **changes})


def keep(lab: Lab, written: SessionReport) -> Path:
    directory = SessionDirectory(lab, written.session_id)
    directory.open(written)
    directory.close()
    return directory.path


class Running:
    """A session as the plugin leads it through its life."""

    def __init__(self, lab: Lab, number: int, *, mutants: bool = False) -> None:
        self.lab, self.number, self.mutants = lab, number, mutants
        self.directory = SessionDirectory(lab, session_id(number))
        self.directory.open(self._report("running"))

    def end(self, *rows: dict, status: str = "completed") -> None:
        self.directory.write(self._report(status, *rows))
        self.directory.close()

    def die(self) -> None:
        self.directory.close()

    def _report(self, status: str, *rows: dict) -> SessionReport:
        counting = rows if status == "completed" and not self.mutants else ()
        known = last_passes(self.lab, NOW, counting)
        return report(self.number, *rows, status=status, mutants=self.mutants, last_passed=known)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_pass_and_a_known_defect_count(verdict):
    assert bool(passes_of([row(verdict=verdict.value)])) is (verdict in {Verdict.PASS, Verdict.KNOWN_DEFECT})


def test_every_variant_must_pass_and_the_last_one_ends_it():
    assert passes_of([row(minute=3), row(minute=5), row(minute=4)]) == {"a": BEGIN + timedelta(minutes=5)}
    assert passes_of([row(minute=3), row(minute=5, verdict="fail"), row("b")]) == {"b": BEGIN + timedelta(minutes=1)}


@pytest.mark.parametrize(
    "changes",
    [
        {"mutant": "m"},
        {"verdict": "unknown", "outcome": "skipped"},
        {"verdict": ["pass"]},
        {"verdict": None},
        {"ts_utc": "yesterday"},
        {"ts_utc": None},
        {"ts_utc": "0001-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_what_is_no_pass_hides_that_of_another_variant(changes):
    assert passes_of([row(), row(**changes)]) == {}


def test_rows_without_anything_are_no_pass():
    assert passes_of([{}, {"drill": "a"}]) == {}


def test_a_drill_that_was_not_run_keeps_its_time(lab):
    Running(lab, 1).end(row("a", 1), row("b", 1))
    Running(lab, 2).end(row("b", 2))
    Running(lab, 3).end(row("b", 3, "fail"))
    assert last_passes(lab, NOW) == {"a": at(1), "b": at(2)}


def test_a_pruned_session_takes_nothing_with_it(lab):
    for number in range(1, 6):
        Running(lab, number).end(row(f"d{number}", number))
        prune(lab, 1)
    assert [path.name for path in lab.sessions.iterdir()] == [session_id(5)]
    assert last_passes(lab, NOW) == {f"d{number}": at(number) for number in range(1, 6)}


@pytest.mark.parametrize("status", ["interrupted", "running"])
def test_what_did_not_end_adds_nothing_and_loses_nothing(lab, status):
    Running(lab, 1).end(row("a", 1))
    Running(lab, 2).end(row("a", 2), row("b", 2), status=status)
    assert last_passes(lab, NOW) == {"a": at(1)}


def test_mutants_pass_on_what_they_do_not_add_to(lab):
    Running(lab, 1).end(row("a", 1))
    Running(lab, 2, mutants=True).end(row("a", 2), row("b", 2, mutant="m"))
    prune(lab, 1)
    assert last_passes(lab, NOW) == {"a": at(1)}


@pytest.mark.parametrize("first", [0, 1])
def test_sessions_side_by_side_lose_nothing_of_each_other(lab, first):
    pair = [Running(lab, 1), Running(lab, 2)]
    pair[first].end(row("a", 4), row("b", 2))
    pair[1 - first].end(row("a", 3), row("c", 3))
    Running(lab, 3).end(row("d", 5))
    prune(lab, 1)
    assert last_passes(lab, NOW) == {"a": at(4), "b": at(2), "c": at(3), "d": at(5)}


BROKEN = [b"", b"{", b"[]", b"[" * 9000, b"\xff", b'{"schema_version":"v9"}', None, "directory", "pipe", "symlink"]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: str(content)[:12])
def test_a_broken_record_costs_only_what_it_alone_knew(lab, content, tmp_path):
    Running(lab, 1).end(row("a", 1))
    Running(lab, 2).end(row("b", 2))
    Running(lab, 3).end(row("c", 3))
    path = lab.sessions / session_id(3) / SESSION_FILE
    path.rename(tmp_path / "moved.json")
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        {"directory": path.mkdir, "pipe": lambda: os.mkfifo(path)}.get(
            content, lambda: path.symlink_to(tmp_path / "moved.json")
        )()
    assert last_passes(lab, NOW) == {"a": at(1), "b": at(2)}


def test_the_future_is_passed_over_and_not_passed_on(lab):
    keep(lab, report(1, last_passed={"a": at(1), "b": at(9), "c": "2026-99-99T00:00:00Z"}))
    keep(lab, report(2, last_passed={"a": "2099-01-01T00:00:00Z"}))
    assert last_passes(lab, BEGIN + timedelta(minutes=5)) == {"a": at(1)}
    assert last_passes(lab, BEGIN + timedelta(minutes=5), [row("a", 3)]) == {"a": at(3)}


def test_other_forms_of_a_stamp_are_the_same_time(lab):
    keep(lab, report(1, last_passed={"a": "2026-01-01T00:01:00+00:00"}))
    keep(lab, report(2, last_passed={"a": "2026-01-01T00:00:59.9Z"}))
    assert last_passes(lab, NOW) == {"a": at(1)}


def test_records_of_an_earlier_lab_tell_by_their_rows(lab):
    keep(lab, report(1, row("a", 1), row("b", 1)))
    keep(lab, report(2, row("a", 2), row("b", 2, "fail")))
    keep(lab, report(3, row("a", 3), mutants=True))
    keep(lab, report(4, row("a", 4), status="interrupted"))
    keep(lab, report(5, {"drill": ["a"], "verdict": {}}))
    assert last_passes(lab, NOW) == {"a": at(2), "b": at(1)}


@pytest.mark.parametrize(("inherited", "most"), [(True, NEWEST), (False, MOST)])
def test_reading_is_bounded(lab, monkeypatch, inherited, most):
    told = report(1, last_passed={} if inherited else None)
    for number in range(MOST + 5):
        (lab.sessions / session_id(number)).mkdir(parents=True)
    read = []
    monkeypatch.setattr(sessions, "_read", lambda path: read.append(path.name) or told)
    last_passes(lab, NOW)
    assert read == [session_id(number) for number in range(MOST + 4, MOST + 4 - most, -1)]


def test_a_record_beyond_the_newest_is_asked_while_none_inherits(lab):
    Running(lab, 1).end(row("a", 1))
    for number in range(2, NEWEST + 5):
        (lab.sessions / session_id(number)).mkdir()
    assert last_passes(lab, NOW) == {"a": at(1)}


def test_no_sessions_and_unreadable_ones_know_nothing(lab, monkeypatch):
    assert last_passes(lab, NOW) == {}

    def denied(parent):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sessions, "_directories", denied)
    assert last_passes(lab, NOW, [row("a", 1)]) == {"a": at(1)}


SLUGS = st.sampled_from("abc")
ROWS = st.lists(st.tuples(SLUGS, st.sampled_from(["pass", "known_defect", "fail", "unknown", "error"])), max_size=4)
LIVES = st.lists(st.tuples(st.sampled_from(["completed", "interrupted", "died", "mutants"]), ROWS), max_size=8)


@settings(max_examples=40, deadline=None)
@given(LIVES, st.integers(1, 3))
def test_whatever_sessions_do_the_newest_knows(lives, kept):
    """Against a model that remembers everything."""
    with tempfile.TemporaryDirectory() as place:
        lab = find_lab(place, {}, [Path(place)])
        model: dict[str, str] = {}
        for number, (life, drawn) in enumerate(lives):
            rows = [row(drill, number, verdict) for drill, verdict in drawn]
            running = Running(lab, number, mutants=life == "mutants")
            running.die() if life == "died" else running.end(
                *rows, status="interrupted" if life == "interrupted" else "completed"
            )
            prune(lab, kept, take_failed=True)
            if life == "completed":
                bad = {drill for drill, verdict in drawn if verdict not in {"pass", "known_defect"}}
                model |= {drill: at(number) for drill, _ in drawn if drill not in bad}
            assert last_passes(lab, NOW) == model
