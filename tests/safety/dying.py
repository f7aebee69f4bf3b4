"""Lets switch commands die or run out of disk in forked children, over more kinds of damage than the drill has.

``python -m tests.safety.dying kill|full DIRECTORY`` prints one JSON line. Each attempt is a fork on a fresh copy of a
prepared lab.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

from fixtures.pulling import CASES as COMMON
from fixtures.pulling import activate, attempt, clear, cleared, nothing, sweep, switches_of

SIZES = (0, 1, 64, 200, 300, 350, 400, 500, 700, 1000, 1400, 3000)


def broken_state(switches):
    cleared(switches)
    (switches.root / "k1.state.json").write_text("{")


def blocked_state(switches):
    cleared(switches)
    (switches.root / "k1.state.json").unlink()
    (switches.root / "k1.state.json").mkdir()


def broken_index(switches):
    cleared(switches)
    (switches.root / "index.jsonl").write_text("{")


CASES = {
    **COMMON,
    "activate-broken-state": (broken_state, activate),
    "activate-blocked-state": (blocked_state, activate),
    "activate-broken-index": (broken_index, activate),
    "clear-absent": (nothing, clear),
}


def limited(size):
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def full(directory, name, before, command):
    template = directory / f"{name}-template"
    template.mkdir()
    before(switches_of(template))
    return [attempt(template, directory / name, command, limited(size)) for size in SIZES]


if __name__ == "__main__":
    mode, where = sys.argv[1], Path(sys.argv[2])
    os.fsync = lambda _: None
    rehearse = {"kill": sweep, "full": full}[mode]
    found = {name: rehearse(where, name, *case) for name, case in CASES.items()}
    print(json.dumps(found))  # noqa: T201 - the answer
