"""What flattens wrote down goes with a run that is sealed and flat, and stays wherever anything may remain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.runs import sessions
from opslab.runs.flatten_logs import clear_all_flat, clear_flat, is_flat
from opslab.runs.flattening import FLATTENS, flatten_directory
from opslab.runs.recovery import recover
from opslab.safety.flatten.log import FlattenLog, Intent, settled
from opslab.store import layout
from opslab.store.journal import Journal

RUN = "paper-001"
CLOSE = Intent("fl-1-1", "BTCUSDT", "SELL", "BOTH", "0.01", 1)
NOTHING = {"orders": [], "positions": {}}
DONE = settled(CLOSE)
ENDED = {"event": "paper_completed", "left": NOTHING}
PULLED = {"event": "kill_activated"}
FLAT = {"event": "containment_ended", "is_flat": True}


@pytest.fixture
def written(lab):
    """Write what a flatten and a sealed run have on disk."""

    def write(events=(ENDED,), intents=(DONE,), run_id=RUN, *, is_sealed=True):
        directory = flatten_directory(lab, run_id)
        with FlattenLog(directory) as log:
            log.write(intents)
        bundle = lab.runs / run_id
        bundle.mkdir(parents=True)
        journal = Journal(bundle / layout.JOURNAL, run_id)
        for event in events:
            journal.append(event)
        journal.close()
        if is_sealed:
            (bundle / layout.MANIFEST).write_bytes(b"{}")
        return directory

    return write


def test_a_sealed_run_that_left_nothing_takes_its_flattens_with_it(lab, written):
    directory = written()
    assert clear_flat(lab, RUN)
    assert list(directory.parent.iterdir()) == []
    assert not clear_flat(lab, RUN), "there is nothing any more"


@pytest.mark.parametrize(
    ("events", "intents", "is_sealed"),
    [
        ([ENDED], [DONE], False),
        ([ENDED], [CLOSE], True),
        ([{"event": "run_failed", "left": {"orders": ["a"], "positions": {}}}], [], True),
        ([{"event": "run_failed", "left": {"orders": [], "positions": {"BTCUSDT-PERP.BINANCE": "1"}}}], [], True),
        ([{"event": "run_failed", "left": None}], [], True),
        ([{"event": "run_completed"}], [], True),
        ([], [], True),
    ],
    ids=["living", "open-close", "order", "position", "nobody-knows", "no-word", "no-record"],
)
def test_it_stays_where_anything_may_remain(lab, written, events, intents, is_sealed):
    directory = written(events, intents, is_sealed=is_sealed)
    assert not clear_flat(lab, RUN)
    with FlattenLog(directory) as log:
        assert list(log.intents()) == list(intents)


def test_a_flatten_at_work_keeps_its_log(lab, written):
    with FlattenLog(written()):
        assert not clear_flat(lab, RUN)
    assert clear_flat(lab, RUN)


def test_a_log_that_is_broken_stays(lab, written):
    directory = written()
    (directory / "intents.json").write_bytes(b"{")
    assert not clear_flat(lab, RUN)
    assert (directory / "intents.json").read_bytes() == b"{"


def test_a_record_that_is_broken_says_nothing(lab, written):
    directory = written()
    (lab.runs / RUN / layout.JOURNAL).write_bytes(b"x\n")
    assert not clear_flat(lab, RUN)
    assert directory.is_dir()


def test_a_run_that_is_gone_says_nothing(lab):
    with FlattenLog(flatten_directory(lab, RUN)) as log:
        log.write([DONE])
    assert not clear_flat(lab, RUN)
    assert clear_all_flat(lab) == ()
    assert flatten_directory(lab, RUN).is_dir()


def test_a_link_in_the_place_of_a_log_is_not_followed(lab, written, tmp_path):
    directory = written()
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    assert not clear_flat(lab, RUN)
    assert (tmp_path / "elsewhere" / "intents.json").is_file()


@pytest.mark.parametrize(
    ("events", "flat"),
    [
        ([PULLED, FLAT], True),
        ([PULLED, FLAT, {"event": "run_failed", "left": None}], True),
        ([PULLED, FLAT, {"event": "kill_cleared"}], False),
        ([PULLED, FLAT, {"event": "kill_cleared"}, PULLED], False),
        ([PULLED, FLAT, {"event": "containment_began"}], False),
        ([PULLED, FLAT, {"event": "containment_ended", "is_flat": False}], False),
        ([FLAT], False),
        ([PULLED, FLAT, {"event": "run_failed", "left": {"orders": ["a"], "positions": {}}}], False),
        ([PULLED, {**FLAT, "is_flat": False}, ENDED], True),
        ([{"event": "run_failed", "left": "?"}], False),
    ],
)
def test_a_killed_run_is_flat_by_its_last_containment_if_it_could_not_trade_again(events, flat):
    assert is_flat(events) is flat


@given(st.lists(st.sampled_from([PULLED, FLAT, {"event": "kill_cleared"}, {"event": "containment_began"}])))
def test_only_a_run_whose_switch_was_active_from_its_last_containment_on_is_flat(events):
    names = [event["event"] for event in events]
    ends = [place for place, name in enumerate(names) if name == "containment_ended"]
    before = [name for name in names[: ends[-1]] if name.startswith("kill_")] if ends else []
    after = set(names[ends[-1] + 1 :]) if ends else set()
    assert is_flat(events) is (before[-1:] == ["kill_activated"] and not after & {"kill_cleared", "containment_began"})


def test_recovery_clears_what_ended_flat_and_what_a_kill_left(lab, written, clock):
    written()
    kept = written([{"event": "run_failed", "left": None}], run_id="paper-002")
    half = kept.parent / ".staging-00aa-paper-003"
    half.mkdir()
    os.utime(half, (time.time() - 3600,) * 2)
    recover(lab, clock)
    assert list(kept.parent.iterdir()) == [kept]


def test_pruning_takes_what_flattens_wrote_of_flat_runs_only(lab, written):
    session = "20260101t000000z-0a1b"
    (lab.sessions / session).mkdir(parents=True)
    flat = written(run_id=f"a-{session}-main-1")
    left = written([{"event": "run_failed", "left": None}], run_id=f"a-{session}-main-2")
    sessions.prune(lab, 0, take_failed=True)
    assert not list(lab.runs.iterdir())
    assert list(flat.parent.iterdir()) == [left]


_KILLED = """
import os, pathlib, signal, sys
from opslab.root import find_lab
from opslab.runs.flatten_logs import clear_flat
left = int(sys.argv[2])
def count(event, _args):
    global left
    if event in ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
root = pathlib.Path(sys.argv[1])
lab = find_lab(root, {}, [root])
sys.addaudithook(count)
clear_flat(lab, sys.argv[3])
"""


def test_a_kill_in_the_midst_leaves_the_whole_log_or_none(lab, written, clock):
    """Killed before each step of the removal in turn: what is left is whole, or is named as half made."""
    for steps in range(10):
        run_id = f"paper-{steps}"
        directory = written(run_id=run_id)
        words = [sys.executable, "-c", _KILLED, str(lab.root), str(steps), run_id]
        code = subprocess.run(words, check=False, timeout=60).returncode
        if directory.exists():
            with FlattenLog(directory) as log:
                assert log.intents() == (DONE,)
            assert clear_flat(lab, run_id)
        assert not directory.exists()
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert steps >= 2, "it was killed in the midst"
    for half in lab.root.joinpath(*FLATTENS).iterdir():
        os.utime(half, (time.time() - 3600,) * 2)
    recover(lab, clock)
    assert list(lab.root.joinpath(*FLATTENS).iterdir()) == []
