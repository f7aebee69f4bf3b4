"""What the wire log's file keeps: every record whole and at once, whatever its facts are and whoever is killed."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.client import ask

from opslab.contract.encoding import compact_json
from opslab.venue import wire_file
from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import Plan
from opslab.venue.wire import WireRecord
from opslab.venue.wire_file import WireFile, cut_torn, line_of

TEXT = st.text(st.characters(), max_size=8)
EXACT = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(content=st.binary(max_size=60))
def test_half_a_line_is_cut_off_and_nothing_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("wire") / "wire.jsonl"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_file, "_CHUNK", 7)
        cut_torn(path)
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]


@given(facts=st.dictionaries(TEXT, EXACT, max_size=4))
def test_a_line_is_the_canonical_json_of_its_record(facts):
    expected = compact_json({"seq": 7, "time_ms": 8, "kind": "in", "facts": facts})
    assert line_of(WireRecord(7, 8, "in", facts)).decode("ascii") == expected


@given(
    fact=EXACT | st.floats() | st.binary() | st.sets(TEXT) | st.just(object()) | st.just(10**5000) | st.just("\ud800")
)
def test_whatever_a_fact_is_its_record_is_one_line_of_json(fact):
    line = line_of(WireRecord(7, 8, "in", {"fact": fact}))
    read = json.loads(line)
    assert line.isascii()
    assert b"\n" not in line
    assert (read["seq"], read["time_ms"], read["kind"]) == (7, 8, "in")
    assert len(read["facts"]) == 1


@pytest.mark.parametrize(
    ("fact", "told"),
    [(Decimal("1.50"), "1.50"), (datetime(2025, 1, 1, tzinfo=UTC), "2025-01-01T00:00:00Z"), (float("nan"), None)],
)
def test_what_json_has_no_type_for_is_told_as_a_client_was_told(fact, told):
    assert json.loads(line_of(WireRecord(1, 1, "out", {"fact": fact})))["facts"] == {"fact": told}


def test_a_fact_that_cannot_be_written_is_told_by_its_representation():
    facts = {"fact": object}
    assert json.loads(line_of(WireRecord(1, 1, "in", facts)))["facts"] == {"unwritable": repr(facts)}


class Narrow:
    """A disk that takes three bytes at a time."""

    def __init__(self):
        self.taken = b""

    def write(self, line):
        self.taken += line[:3]
        return min(len(line), 3)


def test_a_record_that_is_taken_in_parts_is_written_whole(tmp_path, monkeypatch):
    file, record = WireFile(tmp_path / "wire.jsonl"), WireRecord(1, 2, "in", {"text": "x"})
    narrow = Narrow()
    with file._file, monkeypatch.context() as patch:
        patch.setattr(file, "_file", narrow)
        file.write(record)
    assert narrow.taken == line_of(record) + b"\n"


def test_every_answer_that_a_client_saw_is_in_the_file_of_a_killed_venue(tmp_path):
    path = tmp_path / "wire.jsonl"
    with VenueProcess(Plan(market=Market.FUTURES, wire_path=path, is_held=True)) as venue:
        for count in range(1, 6):
            assert ask(venue.endpoint.http, "GET", "/fapi/v1/time")[0] == 200
            replies = [json.loads(line) for line in path.read_bytes().splitlines() if b'"kind":"reply"' in line]
            assert len(replies) == count  # at once, with no timer in between
        os.kill(venue.pid, signal.SIGKILL)
        venue.wait(10)
    kinds = [json.loads(line)["kind"] for line in path.read_bytes().splitlines()]
    assert (kinds.count("request"), kinds.count("reply")) == (5, 5)
