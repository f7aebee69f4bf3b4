from __future__ import annotations

import resource
from dataclasses import replace

import pytest
from tests.safety.flatten.script import busy_futures

from opslab.errors import OpsLabError, StoreError
from opslab.safety.flatten.log import FILE, BusyError, FlattenLog, Intent, settled

INTENT = Intent("fl-a-1", "BTCUSDT", "SELL", "BOTH", "0.010", 1_700_000_000_000)


def test_what_was_written_is_there_for_the_next_one(tmp_path):
    with FlattenLog(tmp_path / "log") as log:
        assert log.next_number() == 1
        log.write([INTENT])
    with FlattenLog(tmp_path / "log") as log:
        assert log.intents() == (INTENT,)
        assert log.next_number() == 2
        log.write([settled(INTENT)])
    with FlattenLog(tmp_path / "log") as log:
        assert log.intents() == (settled(INTENT),)


def test_two_flattens_do_not_share_a_log(tmp_path):
    with FlattenLog(tmp_path / "log"), pytest.raises(BusyError, match="another flatten"):
        FlattenLog(tmp_path / "log").__enter__()
    with FlattenLog(tmp_path / "log"):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"numbers": -1, "intents": []}',
        b'{"numbers": 1, "intents": [{}]}',
        b'{"numbers": 1, "intents": 7}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_file_that_no_flatten_wrote_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / FILE).write_bytes(content)
    with pytest.raises(StoreError, match="not what a flatten writes") as told:
        FlattenLog(tmp_path / "log").__enter__()
    assert "\n" not in str(told.value)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (tmp_path / "log" / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OpsLabError):
        FlattenLog(tmp_path / "log").__enter__()
    assert (tmp_path / "elsewhere").read_bytes() == b"{}"


def test_settled_intents_are_forgotten_in_the_end_and_open_ones_never(tmp_path):
    with FlattenLog(tmp_path / "log") as log:
        log.write([replace(INTENT, client_order_id="open")])
        log.write([replace(settled(INTENT), client_order_id=f"fl-{number}") for number in range(500)])
        kept = [intent.client_order_id for intent in log.intents()]
    assert len(kept) == 201
    assert kept[0] == "open"
    assert kept[-1] == "fl-499"


def test_a_full_disk_keeps_no_flatten_from_its_work(tmp_path):
    script = busy_futures()
    with FlattenLog(tmp_path / "log") as log:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            done = script.flatten(log=log)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.is_flat
    assert script.is_flat()
    assert "cannot be written" in done.unrecorded
