"""What the tests of the kill switch share: a clock that is set, switches on a root of their own, ways to break them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from opslab.root import Lab, find_lab
from opslab.safety import activation, clearing, switch_root
from opslab.safety.switches import KillSwitches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class SetClock:
    """A clock that moves a second at each look, and by hand."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def monotonic(self) -> float:
        return 0.0

    def step(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    (root / "opslab.toml").touch()
    return find_lab(root, {}, [root])


@pytest.fixture
def switches(lab: Lab, clock: SetClock) -> KillSwitches:
    return KillSwitches.of(lab, clock)


@pytest.fixture
def cleared(switches: KillSwitches) -> KillSwitches:
    """Switches where ``k1`` was activated and cleared: everything on disk is consistent, and open."""
    switches.activate("k1", "drawdown", "ann")
    switches.clear("k1", "checked", "ben")
    assert switches.read("k1").state == "cleared"
    return switches


@pytest.fixture(autouse=True)
def _no_slow_syncs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # What fsync does cannot be seen without pulling the plug; that it is called is a test of its own.
    if "real_sync" not in request.fixturenames:
        monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def real_sync() -> None:
    """Asks for the real ``fsync``."""


def _rewrite(**changes: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def _twice(path: Path) -> None:
    path.write_text(path.read_text().replace('"state": "cleared"', '"state": "active", "state": "cleared"'))


def _directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "something").touch()


def _symlink(path: Path) -> None:
    real = path.parent.parent / "elsewhere"
    path.rename(real)
    path.symlink_to(real)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _append(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes() + content) and None


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(65 * 1024 * 1024)


ANY_FILE: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "not-utf8": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
    "byte-order-mark": lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    "not-json": lambda path: path.write_bytes(b"state: cleared\n"),
    "a-list": lambda path: path.write_bytes(b"[]\n"),
    "nested-deeply": lambda path: path.write_bytes(b"[" * 100_000 + b"\n"),
    "nul-bytes": lambda path: path.write_bytes(b"\0" * len(path.read_bytes())),
    "more-behind": _append(b"{}\n"),
    "a-directory": _directory,
    "a-symlink": _symlink,
    "a-dangling-symlink": _dangling,
    "a-pipe": _pipe,
    "huge": _huge,
}
STATE_FILE: dict[str, Callable[[Path], object]] = {
    "key-twice": _twice,
    "unknown-key": _rewrite(more=1),
    "key-missing": lambda path: path.write_text(path.read_text().replace("last_actor", "last_acto")),
    "nan": lambda path: path.write_text(path.read_text().replace('"ben"', "NaN")),
    "number-for-text": _rewrite(last_actor=7),
    "blank": _rewrite(last_reason="  "),
    "other-version": _rewrite(schema_version="v2"),
    "unknown-state": _rewrite(state="open"),
    "absent-written": _rewrite(state="absent"),
    "other-run": _rewrite(run_id="k2"),
    "unsafe-run": _rewrite(run_id="x/../k1"),
    "other-event": _rewrite(last_event_id="another"),
    "other-reason": _rewrite(last_reason="another"),
    "future": _rewrite(updated_at_utc="2099-01-01T00:00:00.000000Z", cleared_at_utc="2099-01-01T00:00:00.000000Z"),
    "future-begin": _rewrite(active_since_utc="2099-01-01T00:00:00.000000Z"),
    "no-such-day": _rewrite(active_since_utc="2026-02-30T00:00:00.000000Z"),
    "no-zone": _rewrite(active_since_utc="2026-01-05T00:00:00.000000"),
    "half-cleared": _rewrite(cleared_at_utc=None),
    "surrogate": lambda path: path.write_text(path.read_text().replace('"ben"', '"\\ud800"')),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a lock."""
    for module, name in ((activation, "WAIT_SECONDS"), (clearing, "WAIT_SECONDS"), (switch_root, "READ_WAIT_SECONDS")):
        monkeypatch.setattr(module, name, 0.01)


@pytest.fixture
def bystander(cleared: KillSwitches) -> KillSwitches:
    """The same, with a second cleared switch beside it."""
    cleared.activate("k2", "drawdown", "ann")
    cleared.clear("k2", "checked", "ben")
    return cleared


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for ``way`` every way to break the files that it names."""
    if "state_way" in metafunc.fixturenames:
        ways = {**ANY_FILE, **STATE_FILE}
        metafunc.parametrize("state_way", [pytest.param(way, id=name) for name, way in ways.items()])
    if "way" in metafunc.fixturenames:
        metafunc.parametrize("way", [pytest.param(way, id=name) for name, way in ANY_FILE.items()])
