"""What an emergency needs is imported before: its first question imports nothing."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

from opslab.contract.execution import Profile

ASK = """
import asyncio, sys
from opslab.safety.flatten import account, drive

async def refuse(_reader, writer):
    writer.close()

async def main():
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    before = set(sys.modules)
    left = await drive.remains_async(account.Account(f"http://127.0.0.1:{port}", "futures", "k", "s"), seconds=0.2)
    assert left.unknown
    print(*sorted(set(sys.modules) - before))
    server.close()

if "ready" in sys.argv:
    drive.get_ready()
asyncio.run(main())
"""


def _imported(*words):
    told = subprocess.run([sys.executable, "-c", ASK, *words], capture_output=True, text=True, check=True)
    return told.stdout.split()


def test_a_first_question_imports_nothing_when_it_was_prepared():
    assert "httpx" in _imported()
    assert _imported("ready") == []


def test_a_containment_prepares_it_before_its_node_runs():
    from opslab.engine.guards.containment import Containment

    kernel = SimpleNamespace(cache=None, loop=SimpleNamespace(call_soon=lambda _act: None))
    with mock.patch("opslab.safety.flatten.drive.get_ready") as ready:
        Containment(Profile.FAST).on_node(SimpleNamespace(kernel=kernel, config=None, intents=None))
    assert ready.called
