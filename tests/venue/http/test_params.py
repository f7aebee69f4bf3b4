"""Reading parameters: Binance's codes for whatever is missing or malformed."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.venue.http.form import decoded, merged, texts
from opslab.venue.http.params import CLIENT_ID, SYMBOL, Params
from opslab.venue.orders import Side, TimeInForce
from opslab.venue.refusal import Refusal


def _code(call):
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def _outcome(call):
    """Return what it returns, or the code of its refusal."""
    try:
        return call()
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("read", ["text", "decimal", "integer", "flag"])
def test_a_mandatory_parameter_that_was_not_sent_is_1102(read):
    assert _code(lambda: getattr(Params({}), read)("x")) == -1102
    assert _code(lambda: getattr(Params({"x": ""}), read)("x")) == -1102


@pytest.mark.parametrize("read", ["text", "decimal", "integer", "flag"])
def test_an_optional_parameter_has_its_default_but_may_not_be_empty(read):
    assert getattr(Params({}), read)("x", None) is None
    assert _code(lambda: getattr(Params({"x": ""}), read)("x", None)) == -1105


@pytest.mark.parametrize("text", ["1", "0.001", "60000.10", "0"])
def test_plain_numbers_are_read(text):
    assert Params({"x": text}).decimal("x") == Decimal(text)


@pytest.mark.parametrize(
    "text", ["-1", "+1", "1e5", "NaN", "Infinity", ".5", "5.", "1,5", " 1", "1\n", "0x1", "1" * 21, "\u0661"]
)
def test_other_numbers_are_illegal(text):
    assert _code(lambda: Params({"x": text}).decimal("x")) == -1100


@pytest.mark.parametrize(
    ("text", "code"), [("1.0", -1100), ("abc", -1100), ("9" * 19, -1100), ("0", -1130), ("11", -1130)]
)
def test_whole_numbers_have_a_form_and_bounds(text, code):
    assert _code(lambda: Params({"x": text}).integer("x", low=1, high=10)) == code


@pytest.mark.parametrize(
    ("name", "kind", "code"), [("side", Side, -1117), ("timeInForce", TimeInForce, -1115), ("other", Side, -1130)]
)
def test_enumerations_have_codes_of_their_own(name, kind, code):
    assert _code(lambda: Params({name: "buy"}).enum(name, kind)) == code
    assert _code(lambda: Params({}).enum(name, kind)) == -1102


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("TRUE", True)])
def test_truth_values_count_in_any_case(text, value):
    assert Params({"x": text}).flag("x") is value


@pytest.mark.parametrize("text", ["1", "yes", "t"])
def test_other_truth_values_are_refused(text):
    assert _code(lambda: Params({"x": text}).flag("x")) == -1130


@pytest.mark.parametrize("text", ["btcusdt", "BTC/USDT", "A" * 21, "BTC USDT", "BTCUSDT\n"])
def test_illegal_symbols_are_refused(text):
    assert _code(lambda: Params({"symbol": text}).text("symbol", pattern=SYMBOL)) == -1100


@pytest.mark.parametrize("text", ["x-cvBPrNm9abc", "web_1.2:3/4", "A" * 36])
def test_legal_client_ids_are_read(text):
    assert Params({"id": text}).text("id", pattern=CLIENT_ID) == text


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1,2,3]", "[", "null", "[" * 5000, '"x"'])
def test_a_list_must_be_one_of_the_right_length(text):
    assert _code(lambda: Params({"x": text}).json_list("x", 2)) in (-1130, -1102)


def test_a_batch_holds_objects_whose_values_are_plain():
    entries = Params({"x": '[{"a": 1, "b": true, "c": null, "d": 0.5}]'}).json_params("x", 5)
    assert dict(entries[0].values) == {"a": "1", "b": "true", "d": "0.5"}
    assert _code(lambda: Params({"x": "[1]"}).json_params("x", 5)) == -1130
    assert _code(lambda: Params({"x": '[{"a": [1]}]'}).json_params("x", 5)) == -1130


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=8))
def test_what_a_client_encodes_is_what_is_read(values):
    text = "&".join(
        f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}" for name, value in values.items()
    )
    found = _outcome(lambda: decoded(text.encode()))
    assert found in (-1100, -1101, {name: value for name, value in values.items() if name or value})


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    found = _outcome(lambda: decoded(raw))
    assert found in (-1100, -1101) or all(isinstance(value, str) for value in found.values())


def test_numbers_in_json_are_read_as_plain_ones():
    assert texts({"a": 0.00001, "b": 7, "c": 1e22}) == {"a": "0.00001", "b": "7", "c": "10000000000000000000000"}


def test_the_query_counts_where_both_send_a_parameter():
    assert merged(b"a=1", b"a=2&b=3", "") == {"a": "1", "b": "3"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), _JSON, max_size=5))
def test_any_json_object_becomes_texts_or_is_refused(values):
    found = _outcome(lambda: texts(values))
    assert found in (-1100, -1130) or all(isinstance(value, str) for value in found.values())
