"""ccxt, an independent client, trades on the venue as it is: only its addresses lead here.

It is no part of the lab's environment. ``./dev clients`` makes one for it and names its Python in the environment.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

WALK = Path(__file__).with_name("clients") / "ccxt_walk.py"
PYTHON = os.environ.get("OPSLAB_CLIENT_PYTHON") or (sys.executable if importlib.util.find_spec("ccxt") else None)
WALKED = [
    *("load_markets", "balance", "ticker", "order_book", "trades", "klines", "create_and_fetch", "open_orders"),
    *("amend", "cancel", "cancel_all", "my_trades"),
]

pytestmark = pytest.mark.skipif(PYTHON is None, reason="ccxt is not here; ./dev clients fetches and tries it")


@contextmanager
def served(market: str) -> Iterator[str]:
    """Begin ``tc venue serve`` as anybody would, and yield the line that it says."""
    tc = [sys.executable, "-c", "from opslab.cli.main import main; main()"]
    command = [*tc, "venue", "serve", "--market", market, "--hold", "--seconds", "90"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()


@pytest.mark.parametrize("market", ["futures", "spot"])
@pytest.mark.parametrize("style", ["sync", "async", "pro"])
def test_ccxt_does_on_the_venue_all_that_it_does_on_binance(style: str, market: str):
    with served(market) as line:
        assert json.loads(line)["api_key"]
        ran = subprocess.run(
            [PYTHON, WALK, style, market], input=line, capture_output=True, text=True, check=False, timeout=60
        )
    expected = [
        *WALKED,
        *(["positions"] if market == "futures" else []),
        "refusals",
        *(["watch_market", "watch_orders"] if style == "pro" else []),
    ]
    assert (ran.stdout.split(), ran.returncode) == (expected, 0), ran.stderr
