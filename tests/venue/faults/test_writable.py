"""Settings that the venue could not write are refused when the fault is asked for, not when it should act."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.venue.running import running

from opslab.errors import DrillError
from opslab.venue.faults.catalogue import fault_of
from opslab.venue.faults.edits import Edits

HALF = "\ud800"
FAULTS: list[dict[str, Any]] = [
    *({"fault": "edit_replies", "headers": {name: "a"}} for name in ("X\r\nY", "X\n", "", "é", "a b", "a:b", "x" * 101)),
    *({"fault": "edit_replies", "headers": {name: "5"}} for name in ("Content-Length", "transfer-encoding", "Connection")),
    *({"fault": "reject_requests", "headers": {"X": text}} for text in ("a\r\nb", "é", "\x00", HALF)),
    {"fault": "edit_replies", "set": {"x": HALF}},
    {"fault": "edit_replies", "set": {HALF: 1}},
    {"fault": "edit_messages", "set": {"x": {"y": [HALF]}}},
    {"fault": "edit_messages", "set": {"x": {HALF: 1}}},
    {"fault": "edit_messages", "set": {"x": float("nan")}},
    {"fault": "edit_messages", "set": {"x": float("inf")}},
    {"fault": "edit_messages", "set": {"x": 10**4200}},
    {"fault": "edit_messages", "set": {"x": json.loads("[" * 60 + "]" * 60)}},
    {"fault": "edit_messages", "scale": {"p": "1e400"}},
    {"fault": "edit_exchange_info", "listed": "BTCUSDT", "filters": {"LOT_SIZE": {"stepSize": HALF}}},
    {"fault": "reject_requests", "msg": HALF},
    {"fault": "html_page", "body": HALF},
    *({"fault": "html_page", "status": status} for status in (99, 204, 205, 304)),
    {"fault": "reject_requests", "status": 204},
    *({"fault": "close_sockets", "code": code} for code in (0, 5, 999, 1004, 1005, 1015, 5000, 70000)),
    {"fault": "close_new_sockets", "code": 1005},
    {"fault": "close_sockets", "reason": "é" * 62},
    {"fault": "close_sockets", "reason": HALF},
    {"fault": "mute_stream", "stream": HALF},
    {"fault": "mute_stream", HALF: 1},
]  # fmt: skip


def test_what_cannot_be_written_is_refused_in_one_line_at_the_faults_settings():
    async def scene() -> None:
        async with running() as at:
            for body in FAULTS:
                status, told = await at.control("POST", "faults", body)
                assert status == 400, (body, told)
                assert told["error"].startswith(f"fault {body['fault']}: "), told
                assert told["error"].isprintable(), told
                assert at.venue.gate.injections == ()
            assert [one for one in at.venue.wire.records() if one.kind == "error"] == []

    asyncio.run(scene())


@pytest.mark.parametrize("code", [1000, 1003, 1006, 1011, 1014, 3000, 4999])
def test_codes_that_a_frame_may_bear_are_taken(code: int):
    assert fault_of("close_sockets", {"code": code, "reason": "é" * 61}).name


def test_headers_are_replaced_whatever_their_case_and_the_wire_log_tells_what_left():
    async def scene() -> None:
        async with running() as at:
            headers = {"x-mbx-used-weight-1m": "9999", "Retry-After": "7"}
            at.venue.inject({"fault": "edit_replies", "headers": headers, "set": {"x": "ü\n"}})
            async with at.client.get(f"{at.venue.endpoint.http}/fapi/v1/time") as reply:
                assert reply.headers.getall("X-MBX-USED-WEIGHT-1M") == ["9999"]
                body = await reply.json()
            facts = (await at.record("reply")).facts
            assert (facts["used_weight"], facts["headers"], facts["body"]) == ("9999", {"Retry-After": "7"}, body)

    asyncio.run(scene())


def test_a_number_that_would_become_too_long_is_left_alone():
    long = 10**3000
    assert Edits(scaled={"a": 10**12}).applied({"a": 2}) == {"a": 2 * 10**12}  # type: ignore[dict-item]
    assert Edits(shifted={"a": 1}).applied({"a": long * 10**1000}) is None


def test_an_unknown_setting_is_still_told_by_its_name():
    with pytest.raises(DrillError, match="nonsense: is an unknown key"):
        fault_of("mute_stream", {"nonsense": 1})
