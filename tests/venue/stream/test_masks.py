from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.stream.stand import ended, stand, texts

from opslab.venue.stream.masks import Masks

SIZES = st.integers(0, 200) | st.integers(65_500, 65_600)


def client_frame(size: int, *, masked: bool = True) -> bytes:
    """Return a binary frame as a client sends it (RFC 6455, 5.2)."""
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x82, bit | size))
    elif size < 1 << 16:
        head = bytes((0x82, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x82, bit | 127)) + size.to_bytes(8, "big")
    return head + (b"mask" if masked else b"") + b"\x01" * size


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut % (len(content) + 1) for cut in cuts}), len(content)]
    return [content[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(SIZES, max_size=5), st.lists(st.integers(0, 10**6), max_size=8))
def test_masked_frames_pass_however_they_are_cut(sizes: list[int], cuts: list[int]):
    masks = Masks()
    assert all(masks.are_there(piece) for piece in pieces(b"".join(map(client_frame, sizes)), cuts))


@given(st.lists(SIZES, max_size=3), SIZES, st.lists(st.integers(0, 10**6), max_size=8))
def test_a_frame_without_a_mask_is_seen_however_it_is_cut(before: list[int], size: int, cuts: list[int]):
    content = b"".join(map(client_frame, before)) + client_frame(size, masked=False)
    masks = Masks()
    assert any(not masks.are_there(piece) for piece in pieces(content, cuts))


@pytest.mark.parametrize("after", [b"", client_frame(3)])
def test_a_frame_without_a_mask_ends_its_socket_with_1002_and_no_other(after: bytes):
    async def scene() -> None:
        async with stand() as at:
            other, ws = await at.connect("/ws/btcusdt@trade"), await at.connect("/ws")
            ws._response.connection.transport.write(client_frame(2, masked=False) + after)  # type: ignore[union-attr]
            assert await ended(ws) == 1002
            closed = await at.record("close")
            assert closed.facts["code"] == 1002
            assert "no mask" in closed.facts["reason"]
            at.say("BTCUSDT", t=1)
            assert await texts(other, 1) == [{"t": 1}]
            assert [one for one in at.wire.records() if one.kind in ("in", "error")] == []

    asyncio.run(scene())


def test_a_frame_that_comes_with_the_handshake_is_looked_at_too():
    async def scene() -> None:
        async with stand() as at:
            reader, writer = await asyncio.open_connection(*at.ws.removeprefix("ws://").split(":"))
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
                + client_frame(2, masked=False)
            )
            async with asyncio.timeout(10):
                answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 101 ")
            assert (1002).to_bytes(2, "big") in answer
            assert (await at.record("close")).facts["code"] == 1002
            writer.close()

    asyncio.run(scene())
