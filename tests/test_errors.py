from __future__ import annotations

import pickle
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab import errors
from opslab.errors import CheckFailed, CheckUnknown, OpsLabError, one_line, printable

TROUBLE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OpsLabError)]


def test_an_error_says_what_where_and_what_to_do():
    error = OpsLabError("is broken", where="a/b.yaml:3", fix="repair it")
    assert str(error) == "a/b.yaml:3: is broken; repair it"
    assert str(OpsLabError("is broken")) == "is broken"
    assert (error.what, error.where, error.fix) == ("is broken", "a/b.yaml:3", "repair it")


@given(st.text(), st.text(), st.text())
def test_any_error_is_one_printable_line(what, where, fix):
    told = str(OpsLabError(what, where=where, fix=fix))
    assert len(told.splitlines()) <= 1
    assert len(told) <= 800
    told.encode()


@given(st.text(), st.integers(1, 50))
def test_one_line_is_bounded_and_has_no_control_characters(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)


def test_what_turns_or_hides_text_is_escaped_and_what_is_read_stays():
    by_class: dict[str, list[str]] = {}
    for char in map(chr, range(sys.maxunicode + 1)):
        by_class.setdefault(unicodedata.category(char), []).append(char)
    hidden = by_class["Cf"] + by_class["Cc"] + by_class["Cs"] + by_class["Zl"] + by_class["Zp"]
    assert all(one_line(char).startswith("\\") and one_line(char).isascii() for char in hidden)
    read = "".join("".join(chars) for name, chars in by_class.items() if name[0] in "LMNPS" or name == "Zs")
    assert one_line(read, len(read)) == read
    assert one_line("a\u202eb\u200bc\U000e0041") == "a\\u202eb\\u200bc\\U000e0041"


def test_lines_stay_lines_where_there_is_room_for_them():
    assert printable("é\n\tb\r\u202e\x00") == "é\n\tb\\r\\u202e\\x00"


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_survives_the_way_between_processes(kind):
    again = pickle.loads(pickle.dumps(kind("what", where="here", fix="do")))
    assert type(again) is kind
    assert str(again) == "here: what; do"


def test_findings_are_failures_and_trouble_is_not():
    assert issubclass(CheckUnknown, CheckFailed)
    assert issubclass(CheckFailed, AssertionError)
    assert not issubclass(OpsLabError, AssertionError)
    assert CheckFailed("X: found", ("X",)).codes == ("X",)
