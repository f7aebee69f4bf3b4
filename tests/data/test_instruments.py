"""Built-in instruments and instrument files."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from opslab.contract.dataset import Instrument, InstrumentKind
from opslab.data.instruments import TAKES, built_in, known_symbols, read_instrument_file
from opslab.errors import DataError

GOOD = """\
venue: binance
symbol: TESTUSDT
kind: perpetual
base: TEST
quote: USDT
price_precision: 2
tick_size: 0.10
size_precision: 4
step_size: 0.0001
maker_fee: -0.0001
margin_init: 0.1
"""


@pytest.mark.parametrize("kind", InstrumentKind)
def test_every_built_in_instrument_is_consistent(kind):
    for symbol in known_symbols(kind):
        instrument = built_in(symbol.lower(), kind)
        assert (instrument.symbol, instrument.kind, instrument.base + instrument.quote) == (symbol, kind, symbol)
        assert bool(instrument.margin_init) == (kind is InstrumentKind.PERPETUAL)
        assert Instrument.model_validate_json(instrument.model_dump_json()) == instrument


def test_an_unknown_symbol_names_the_known_ones():
    with pytest.raises(DataError, match=r"BTCUSDT.*--instrument-file"):
        built_in("NOPE")


def test_an_instrument_file_keeps_its_decimals(tmp_path):
    path = tmp_path / "instrument.yaml"
    path.write_text(GOOD)
    instrument = read_instrument_file(path)
    assert (instrument.tick_size, instrument.step_size, instrument.maker_fee) == (
        Decimal("0.10"),
        Decimal("0.0001"),
        Decimal("-0.0001"),
    )
    assert instrument.to_dict()["step_size"] == "0.0001"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("[]", "not a YAML mapping"),
        ("venue: [", "line|:"),
        (GOOD + "venue: other\n", "venue"),
        (GOOD.replace("kind: perpetual", "kind: future"), "kind"),
        (GOOD + "colour: red\n", "colour"),
        (GOOD.replace("tick_size: 0.10", "tick_size: 0.001"), "more decimals than its precision"),
        (GOOD.replace("tick_size: 0.10", "tick_size: 0"), "tick_size"),
        (GOOD.replace("tick_size: 0.10", "tick_size: nan"), "tick_size"),
        (GOOD.replace("tick_size: 0.10", "tick_size: 1e400"), "tick_size"),
        (GOOD.replace("tick_size: 0.10", "tick_size: [1]"), "tick_size"),
        (GOOD.replace("tick_size: 0.10", "tick_size: 1e-400"), "tick_size"),
        (GOOD.replace("price_precision: 2", "price_precision: 99"), "price_precision"),
        (GOOD.replace("margin_init: 0.1", "margin_init: 0"), "margin_init"),
        (GOOD.replace("symbol: TESTUSDT", "symbol: ../x"), "symbol"),
        (GOOD.replace("quote: USDT\n", ""), "quote"),
        (GOOD + "min_quantity: 5\nmax_quantity: 1\n", "above max_quantity"),
        ("a: &a [1,1]\nb: &b [*a,*a]\n" + "".join(f"c{i}: [*b,*b,*b,*b]\n" for i in range(5)), "a"),
        ("\xff", "UTF-8"),
    ],
)
def test_a_bad_instrument_file_is_one_clear_error(tmp_path, content, message):
    path = tmp_path / "instrument.yaml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=message) as caught:
        read_instrument_file(path)
    assert "\n" not in str(caught.value)
    assert "instrument.yaml" in str(caught.value)


@pytest.mark.parametrize("line", GOOD.splitlines())
@pytest.mark.parametrize("value", ["", "a b!", "-7.5", "[1]"])
def test_a_bad_value_says_what_its_key_takes(tmp_path, line, value):
    path, key = tmp_path / "instrument.yaml", line.split(":")[0]
    path.write_text(GOOD.replace(line, f"{key}: {value}"))
    with pytest.raises(DataError, match=rf"{key}: .* cannot be used; write .*") as caught:
        read_instrument_file(path)
    assert TAKES[key] in str(caught.value)
    assert not re.search("pattern|valid|Input|Extra|permitted", str(caught.value))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tick_size: 0.10", "ticksize: 0.10", "'ticksize' is an unknown key; did you mean 'tick_size'"),
        ("quote: USDT", "Quote: USDT", "'Quote' is an unknown key; did you mean 'quote'"),
        ("quote: USDT\n", "", "the key quote is missing; add it: up to 16 upper-case letters"),
        ("quote: USDT", "quote: USDT\ncolour: red", "'colour' is an unknown key; its keys are venue, symbol"),
    ],
)
def test_a_wrong_key_names_the_near_one(tmp_path, old, new, message):
    path = tmp_path / "instrument.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_instrument_file(path)
    assert message in str(caught.value)


def test_every_key_says_what_it_takes():
    assert set(TAKES) == set(Instrument.model_fields)


def test_a_missing_instrument_file_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_instrument_file(tmp_path / "no.yaml")
