"""Keys are shown nowhere, whole or cut."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from opslab.runs.masking import MASK, SHORTEST, Masking

KEYS = ("0123456789abcdef" * 4, "fedcba9876543210" * 4)
keys = st.sampled_from(KEYS)
words = st.text(alphabet="xyz \n", max_size=20)


@given(words, keys, st.integers(SHORTEST, 64), words)
def test_a_key_or_its_beginning_is_masked_and_nothing_else(before, key, length, after):
    assert Masking(KEYS).text(f"{before}{key[:length]}{after}") == f"{before}{MASK}{after}"


@given(st.text())
def test_a_text_without_keys_is_left_as_it_is(text):
    assert Masking(("k" * 64,)).text(text.replace("k", "")) == text.replace("k", "")


@given(keys, words)
def test_a_line_stays_a_line_of_json(key, word):
    line = (json.dumps({"reason": f"{word}{key}"}) + "\n").encode()
    assert json.loads(Masking(KEYS).line(line)) == {"reason": f"{word}{MASK}"}


def test_every_text_in_a_value_is_masked():
    value = {"a": [KEYS[0], 1, None], KEYS[1]: {"b": (f"x{KEYS[0]}",)}}
    assert Masking(KEYS).value(value) == {"a": [MASK, 1, None], MASK: {"b": [f"x{MASK}"]}}


def test_what_is_no_key_masks_nothing():
    masking = Masking((None, "", "short"))
    assert masking.text("short") == "short"
    assert masking.line(b"short\n") == b"short\n"
