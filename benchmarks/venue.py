"""What the venue costs a client: an order's round trip, beside a bare aiohttp echo of the same sizes.

The echo answers at once with the body and the headers that the venue sent to the same kind of request. A venue,
one with a wire file and the echo each run on an asyncio loop in a thread of this process, and one client in another
process asks them in turns, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from benchmarks.order_client import asked, connected, signed
from benchmarks.ratio import Ratio, ratio
from benchmarks.still_venue import still
from opslab.venue.orders import Market
from opslab.venue.setup import new_account
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

type Answers = Mapping[str, tuple[dict[str, str], bytes]]


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios of the median round trips, without a wire file and with one, as every paper run has it."""
    bare, written, echoed = _medians(*((5, 300) if quick else (9, 1_000)))
    name = "order round trip: venue{} / aiohttp echo of the same sizes"
    return [
        ratio(name.format(""), bare, echoed, 2.0, "ms"),
        ratio(name.format(" with a wire file"), written, echoed, 2.0, "ms"),
    ]


def _medians(rounds: int, orders: int) -> list[list[float]]:
    """Return the median seconds of each round: of a venue, of one with a wire file, and of the echo."""
    account = new_account(Market.FUTURES)
    setup = replace(still(), accounts=(account,))
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "wire.jsonl"
        venues = [stack.enter_context(VenueThread(one)) for one in (setup, replace(setup, wire_path=path))]
        ports = [int(venue.endpoint.http.rsplit(":", 1)[1]) for venue in venues]
        ports.append(stack.enter_context(echo(_answers(ports[0], account.api_key, account.api_secret))))
        words = [sys.executable, "-m", "benchmarks.order_client", ",".join(map(str, ports)), str(rounds), str(orders)]
        environment = {**os.environ, "BENCH_KEY": account.api_key, "BENCH_SECRET": account.api_secret}
        told = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE)
    return [list(server) for server in zip(*json.loads(told.stdout), strict=True)]


@contextmanager
def echo(answers: Answers) -> Iterator[int]:
    """Serve canned answers by method on a port of loopback, and yield the port."""
    ready: list[int] = []
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        headers, body = answers[request.method]
        return web.Response(body=body, headers=headers)

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.append(runner.addresses[0][1])
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def _answers(port: int, key: str, secret: str) -> Answers:
    """Return the venue's answers to an order and its cancel, which use numbers that the client does not."""
    connection, found = connected(port), {}
    for number in (10**9, 10**9 + 1):
        method, target = signed(number, secret)
        _, response, body = asked(connection, method, target, key)
        made = {"Content-Length", "Date", "Server"}  # by aiohttp itself
        found[method] = ({name: value for name, value in response.getheaders() if name not in made}, body)
    connection.close()
    return found
