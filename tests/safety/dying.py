"""Lets switch commands die, run out of disk or run all at once, in forked children; prints one JSON line.

``python tests/safety/dying.py kill|full|race DIRECTORY``. Each attempt is a fork on a fresh copy of a prepared lab.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from opslab.clock import SystemClock
from opslab.errors import OpsLabError
from opslab.root import find_lab
from opslab.safety.switches import KillSwitches

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.link", "os.symlink", "os.truncate", "os.rmdir")
PROCESSES = 150
REAL_WRITE = os.write


def switches_of(root):
    (root / "opslab.toml").touch()
    return KillSwitches.of(find_lab(root, {}, [root]), SystemClock())


def nothing(switches):
    pass


def active(switches):
    switches.activate("k1", "first", "ann")


def cleared(switches):
    active(switches)
    switches.clear("k1", "checked", "ann")


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


def activate(switches):
    switches.activate("k1", "now", "ben")


def clear(switches):
    switches.clear("k1", "now", "ben")


CASES = {
    "activate-absent": (nothing, activate),
    "activate-active": (active, activate),
    "activate-cleared": (cleared, activate),
    "activate-broken-state": (broken_state, activate),
    "activate-blocked-state": (blocked_state, activate),
    "activate-broken-index": (broken_index, activate),
    "clear-active": (active, clear),
    "clear-absent": (nothing, clear),
}


def attempt(template, directory, command, prepare):
    """Run ``command`` in a doomed child on a copy of ``template``, and tell what is left."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(template, directory, symlinks=True)
    switches = switches_of(directory)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            prepare()
            command(switches)
            code = 0
        except OpsLabError:
            code = 3
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    files = sorted(path.name for path in switches.root.glob("*"))
    reading = switches.read("k1")
    told = {
        "files": files,
        "died": os.WIFSIGNALED(status),
        "code": os.waitstatus_to_exitcode(status),
        "state": reading.state,
        "doubts": list(reading.doubts),
    }
    switches.activate("k1", "after", "cat")
    after = switches.read("k1")
    told["in_order"] = after.state == "active" and after.is_trusted
    return told


def dying_at(step, root):
    count = 0

    def arrive(last_act=lambda: None):
        nonlocal count
        count += 1
        if count == step:
            last_act()
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event, args):
        is_write = event == "open" and isinstance(args[2], int) and args[2] & WRITES
        if is_write or event in CHANGES:
            arrive()

    def write(descriptor, content):
        arrive(lambda: REAL_WRITE(descriptor, content[: len(content) // 2]))
        return REAL_WRITE(descriptor, content)

    def prepare():
        os.write = write
        sys.addaudithook(heard)

    return prepare


def limited(size):
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def sweep(directory, prepares):
    found = {}
    for name, (before, command) in CASES.items():
        template = directory / f"{name}-template"
        template.mkdir()
        before(switches_of(template))
        attempts = []
        for prepare in prepares(directory / name):
            attempts.append(attempt(template, directory / name, command, prepare))
            if attempts[-1]["code"] == 0 and prepares is killed:
                break
        found[name] = attempts
    return found


def killed(root):
    return (dying_at(step, root) for step in range(1, 100))


def full(root):
    return (limited(size) for size in (0, 1, 64, 200, 300, 350, 400, 500, 700, 1000, 1400, 3000))


def race(directory):
    switches = switches_of(directory)
    go, ready, answers = os.pipe(), os.pipe(), os.pipe()
    for number in range(PROCESSES):
        if os.fork() == 0:
            os.write(ready[1], b".")
            os.read(go[0], 1)
            answer = b"x"
            try:
                change = switches.activate("k1" if number % 3 else "k2", f"caller {number}", "ann")
                answer = b"w" if change.warnings else b"."
            finally:
                os.write(answers[1], answer)
                os._exit(0)
    for _ in range(PROCESSES):
        os.read(ready[0], 1)
    os.write(go[1], b"." * PROCESSES)
    told = b"".join(os.read(answers[0], 1) for _ in range(PROCESSES))
    for _ in range(PROCESSES):
        os.wait()
    reasons = [
        json.loads(line)["reason"]
        for name in ("k1", "k2")
        for line in (switches.root / f"{name}.events.jsonl").read_bytes().splitlines()
    ]
    return {
        "told": told.decode(),
        "reasons": reasons,
        "readings": [[switches.read(name).state, list(switches.read(name).doubts)] for name in ("k1", "k2")],
    }


if __name__ == "__main__":
    mode, where = sys.argv[1], Path(sys.argv[2])
    if mode != "race":
        os.fsync = lambda _: None
    found = race(where) if mode == "race" else sweep(where, {"kill": killed, "full": full}[mode])
    print(json.dumps(found))  # noqa: T201 - the answer
