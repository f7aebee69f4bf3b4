"""Frames as a server sends them: whole, not masked (RFC 6455, 5.2).

The venue builds them itself so that many messages leave in one write without waiting for a slow client.
"""

from __future__ import annotations

TEXT, PING, PONG = 0x1, 0x9, 0xA
_FIN = 0x80
_SHORT, _MEDIUM = 126, 1 << 16


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one final frame.

    Args:
        opcode: ``TEXT``, ``PING`` or ``PONG``.
        payload: UTF-8 for a text; at most 125 bytes for a ping or pong.
    """
    size = len(payload)
    if size < _SHORT:
        return bytes((_FIN | opcode, size)) + payload
    if size < _MEDIUM:
        return bytes((_FIN | opcode, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((_FIN | opcode, _SHORT + 1)) + size.to_bytes(8, "big") + payload
