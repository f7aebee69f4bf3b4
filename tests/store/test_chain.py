"""Reading a chain names every line that is not what was written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslab.store.journal import Journal, read_chain


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, "r1")
    for number in range(5):
        journal.append({"event": "e", "n": number})
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


def problems_of(lines):
    return " ".join(read_chain(b"".join(lines)).problems)


def test_a_flipped_byte_is_named_by_line(lines):
    lines[2] = lines[2].replace(b'"n":2', b'"n":7')
    assert problems_of(lines).startswith("line 4 does not follow")


def test_swapped_lines_are_named(lines):
    lines[1], lines[2] = lines[2], lines[1]
    assert "line 2 has seq 3" in problems_of(lines)
    assert "line 3 has seq 2" in problems_of(lines)


def test_a_doubled_line_is_named(lines):
    assert "line 3 has seq 2" in problems_of([*lines[:2], *lines[1:]])


def test_a_removed_line_is_named(lines):
    assert "line 2 has seq 3" in problems_of([lines[0], *lines[2:]])


def test_a_line_that_is_no_object_is_named(lines):
    lines[1] = b"[1]\n"
    assert problems_of(lines).startswith("line 2 is not a JSON object")
    assert read_chain(b"".join(lines)).numbers == (1, 3, 4, 5)


def test_another_anchor_is_named(lines):
    assert read_chain(b"".join(lines), "1" * 64).problems == (
        "line 1 does not follow the line before it (broken link)",
    )


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_as_a_chain(content):
    chain = read_chain(content)
    assert chain.head.lines == content.count(b"\n")
    assert chain.problems or not content
