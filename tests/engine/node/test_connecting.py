"""Why a client did not connect is remembered in one line, and nothing else changes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from opslab.engine.node.connecting import HEDGED, Connecting


def _client(error=None, **facts):
    async def connect():
        if error is not None:
            raise error

    return SimpleNamespace(_connect=connect, **facts)


def _why(client, kind):
    connecting = Connecting()
    connecting.around(client)
    with pytest.raises(kind):
        asyncio.run(client._connect())
    return connecting.why


def test_what_raised_is_told_in_one_line():
    assert _why(_client(ValueError("first\nsecond")), ValueError).startswith(": ValueError: first")
    assert "\n" not in _why(_client(ValueError("first\nsecond")), ValueError)


@pytest.mark.parametrize(
    ("dual", "reduces", "is_told"), [(True, True, True), (True, False, False), (None, True, False)]
)
def test_hedge_mode_is_named_with_what_to_set(dual, reduces, is_told):
    client = _client(ValueError("no"), _is_dual_side_position=dual, _use_reduce_only=reduces)
    assert (HEDGED in _why(client, ValueError)) is is_told


def test_one_that_connects_has_no_reason():
    connecting, client = Connecting(), _client()
    connecting.around(client)
    asyncio.run(client._connect())
    assert connecting.why == ""


def test_the_first_trouble_is_kept():
    connecting = Connecting()
    for word in ("first", "second"):
        client = _client(OSError(word))
        connecting.around(client)
        with pytest.raises(OSError, match=word):
            asyncio.run(client._connect())
    assert connecting.reason == "OSError: first"


def test_a_client_that_connects_otherwise_is_left_alone():
    client = SimpleNamespace()
    Connecting().around(client)
    assert vars(client) == {}
