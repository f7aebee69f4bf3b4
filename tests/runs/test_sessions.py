"""Sessions: effective ids, and pruning that keeps the newest, the failed, the living and everything that is not its own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.drill import SessionReport
from opslab.ids import checked_id
from opslab.runs.sessions import SESSION_FILE, SessionDirectory, SessionIds, has_passed, prune
from opslab.store.lock import Lock, is_alive


def listed(path):
    return sorted(entry.name for entry in path.iterdir())


def session_id(number: int) -> str:
    return f"2026010{number}t000000z-abcd"


def report(identity: str, **changes: object) -> SessionReport:
    fields = {
        "session_id": identity,
        "started_at_utc": "2026-01-01T00:00:00.000000Z",
        "completed_at_utc": "2026-01-01T00:00:01.000000Z",
        "status": "completed",
        "seed": 1,
        "lab_version": "0.9.0",
        "engine_version": "1.231.0",
        "mutants": False,
        "verdicts": {"pass": 1},
        "drills": (),
        "runs": (),
    }
    return SessionReport(**{**fields, **changes})


@pytest.fixture
def keep(lab):
    """Return a maker of finished sessions with two runs each."""

    def make(number: int, **changes: object) -> str:
        identity = session_id(number)
        directory = SessionDirectory(lab, identity)
        directory.open(report(identity, **changes))
        directory.close()
        for worker in ("main", "gw0"):
            ids = SessionIds(identity, worker)
            (lab.runs / ids.effective("spec")).mkdir(parents=True)
        return identity

    return make


def left(lab):
    sessions = sorted(path.name for path in lab.sessions.iterdir())
    runs = sorted({path.name.split("-", 1)[1].rsplit("-", 2)[0] for path in lab.runs.iterdir()})
    return sessions, runs


def test_the_newest_stay_with_their_runs(lab, keep):
    ids = [keep(number) for number in range(1, 5)]
    pruning = prune(lab, 2)
    assert pruning.removed == (ids[1], ids[0])
    assert left(lab) == (ids[2:], ids[2:])
    assert len(list(lab.runs.iterdir())) == 4
    assert prune(lab, 2).removed == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"verdicts": {"pass": 3, "fail": 1}},
        {"verdicts": {"unknown": 1}},
        {"verdicts": {"error": 1}},
        {"verdicts": {"toothless": 1}},
        {"status": "running", "completed_at_utc": None},
    ],
)
def test_a_session_that_failed_stays_and_is_named_until_asked_for(lab, keep, changes):
    failed, newest = keep(1, **changes), keep(2)
    assert prune(lab, 1) == prune(lab, 1)
    assert prune(lab, 1).kept_failed == (failed,)
    assert left(lab) == ([failed, newest], [failed, newest])
    assert prune(lab, 1, take_failed=True).removed == (failed,)
    assert left(lab) == ([newest], [newest])


def test_known_defects_and_caught_mutants_are_no_failures():
    assert has_passed(report("x", verdicts={"pass": 1, "known_defect": 2, "caught": 3, "fail": 0}))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 9000, b"\xff", b'{"schema_version":"v9"}', None])
def test_a_session_that_cannot_be_read_stays(lab, keep, content):
    broken = keep(1)
    path = lab.sessions / broken / SESSION_FILE
    path.unlink() if content is None else path.write_bytes(content)
    assert prune(lab, 0).kept_failed == (broken,)
    assert left(lab) == ([broken], [broken])


def test_a_living_session_and_living_runs_stay(lab, keep):
    old, other = keep(1), keep(2)
    session, run = Lock(lab.sessions / old / "run.lock"), Lock(lab.runs / f"spec-{other}-main-1" / "run.lock")
    assert session.acquire()
    assert run.acquire()
    pruning = prune(lab, 0, take_failed=True)
    assert pruning.removed == (other,)
    assert sorted(path.name for path in lab.runs.iterdir()) == [
        f"spec-{old}-gw0-1", f"spec-{old}-main-1", f"spec-{other}-main-1",
    ]  # fmt: skip
    session.release()
    run.release()


def test_a_hostile_session_file_removes_nothing_else(lab, keep, tmp_path):
    identity = keep(1, runs=("../../../precious", "/etc", "mine", session_id(7)))
    for place in (tmp_path / "precious", lab.runs / "mine", lab.sessions / session_id(7)):
        place.mkdir(parents=True)
    path = lab.sessions / identity / SESSION_FILE
    raw = json.loads(path.read_bytes())
    path.write_text(json.dumps({**raw, "session_id": "mine", "runs": ["mine", "../../../precious"]}))
    prune(lab, 1)
    assert (tmp_path / "precious").is_dir()
    assert (lab.runs / "mine").is_dir()


@pytest.mark.parametrize("name", ["btcusdt", "a", "2026", "20260101t000000z", "notes"])
def test_a_directory_that_is_no_session_removes_no_runs_and_stays(lab, name):
    (lab.sessions / name).mkdir(parents=True)
    (lab.sessions / name / SESSION_FILE).write_text(json.dumps(report(name).to_dict()))
    for run in (f"2026-{name}-backtest-001", f"x-{name}-main-1"):
        (lab.runs / run).mkdir(parents=True)
    assert prune(lab, 0, take_failed=True).removed == ()
    assert len(listed(lab.runs)) == 2
    assert listed(lab.sessions) == [name]


def test_runs_that_only_mention_a_session_stay(lab, keep):
    identity = keep(1)
    kept = [f"{identity}", f"about-{identity}-notes", f"x-{identity}-main-1-copy", f"x-{identity}x-main-1"]
    for name in kept:
        (lab.runs / name).mkdir()
    prune(lab, 0)
    assert listed(lab.runs) == sorted(kept)


def test_symlinks_are_not_followed(lab, keep, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "f").write_text("")
    identity = keep(1)
    (lab.sessions / session_id(3)).symlink_to(tmp_path / "precious")
    (lab.runs / f"x-{identity}-main-9").symlink_to(tmp_path / "precious")
    prune(lab, 0, take_failed=True)
    assert listed(tmp_path / "precious") == ["f"]


def test_a_session_that_another_process_prunes_at_once_is_no_error(lab, keep, monkeypatch):
    identity = keep(1)
    prune(replace(lab), 0)
    monkeypatch.setattr("opslab.runs.sessions._directories", lambda parent: [lab.sessions / identity])
    monkeypatch.setattr("opslab.runs.sessions._read", lambda path: report(identity))
    assert prune(lab, 0).removed == ()


def test_a_session_is_alive_while_it_is_open(lab):
    directory = SessionDirectory(lab, session_id(1))
    directory.open(report(session_id(1), status="running", completed_at_utc=None))
    assert is_alive(directory.path)
    directory.close()
    assert not is_alive(directory.path)


def test_no_sessions_are_nothing_to_prune(lab):
    assert prune(lab, 3).removed == ()


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fullmatch=True), st.integers(0, 99))
def test_effective_ids_are_safe_and_distinct(spec_run_id, worker):
    ids = SessionIds(session_id(1), f"gw{worker}")
    made = [ids.effective(spec_run_id) for _ in range(3)]
    assert len(set(made)) == 3
    assert all(checked_id(name).endswith(f"-{session_id(1)}-gw{worker}-{n}") for n, name in enumerate(made, 1))
