"""The quick ways for what most requests look like give what the careful ways give."""

from __future__ import annotations

import hmac
from decimal import Decimal

import pytest
from freezegun import freeze_time
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.venue.http.futures_samples import FIGURES

from opslab.clock import SystemClock
from opslab.venue.clock import VenueClock
from opslab.venue.http.form import decoded
from opslab.venue.http.signature import http_payload, is_valid
from opslab.venue.refusal import Refusal
from opslab.venue.stream.figures import amount

PAIRS = st.lists(st.tuples(st.sampled_from(["symbol", "side", "signature", "a", "", "b c"]), st.text(max_size=8)))
QUERIES = st.text(st.sampled_from("&=as1.%+ \x00é") | st.characters(), max_size=40)


def outcome(text: bytes):
    try:
        return decoded(text)
    except Refusal as refusal:
        return refusal.code, str(refusal)


@given(QUERIES.map(lambda text: text.replace("%", "").replace("+", "")))
def test_a_query_without_escapes_reads_as_one_with_them(text):
    plain = text.encode("utf-8", "surrogatepass")
    assume(b"zz" not in plain)
    quick, careful = outcome(plain), outcome(plain + b"&zz=%61")
    assert careful == ({**quick, "zz": "a"} if isinstance(quick, dict) else quick)


@given(PAIRS, st.booleans())
def test_the_signature_is_taken_out_wherever_it_stands(pairs, as_body):
    parts = [f"{name}={value}".replace("&", "").encode("utf-8", "surrogatepass") for name, value in pairs]
    text = b"&".join(parts)
    expected = b"&".join(part for part in parts if not part.startswith(b"signature="))
    assert (http_payload(b"", text) if as_body else http_payload(text, b"")) == expected


@given(st.binary(max_size=60), st.text(max_size=20))
def test_a_signature_is_the_hmac_of_the_payload(payload, secret):
    secret = secret.encode("utf-8", "replace").decode()
    right = hmac.new(secret.encode(), payload, "sha256").hexdigest()
    assert is_valid(secret, payload, right)
    assert is_valid(secret, payload, right.upper())
    assert not is_valid(secret, payload + b"x", right)
    assert not is_valid(secret, payload, "é" + right[1:])


@pytest.mark.parametrize("zero", ["0", "-0", "0.000", "0E-20", "0E+3"])
def test_every_zero_is_written_alike_and_without_a_sign(zero):
    value = Decimal(zero)
    assert (FIGURES.price(value), FIGURES.size(value), amount(value)) == ("0.00", "0.000", "0.00000000")
    assert FIGURES.mean(value) == FIGURES.price(None) == "0.00"


def test_the_machines_clock_is_read_as_a_test_sets_it():
    clock = VenueClock(SystemClock(), 5)
    with freeze_time("2024-01-08 00:00:01.234567") as frozen:
        assert clock.now_ms() == 1_704_672_001_239
        frozen.tick(0.001)
        assert clock.now_ms() == 1_704_672_001_240
