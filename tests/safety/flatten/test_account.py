from __future__ import annotations

import pytest

from opslab.errors import OpsLabError
from opslab.safety.flatten.account import Account


@pytest.mark.parametrize(
    ("http", "kept"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:1", "http://localhost:1"),
        ("https://127.9.9.9", "https://127.9.9.9"),
    ],
)
def test_loopback_is_taken(http, kept):
    assert Account(http, "futures", "k", "s").http == kept


@pytest.mark.parametrize(
    "http",
    [
        "https://fapi.binance.com",
        "http://10.0.0.1:80",
        "http://0.0.0.0:80",
        "http://[::]:80",
        "http://127.1:80",
        "http://2130706433",
        "http://localhost.example.com",
        "http://localhost.",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://user:word@127.0.0.1:80",
        "http://example.com#@127.0.0.1",
        "http://example.com\\@127.0.0.1",
        "http://127.0.0.1:80/fapi",
        "http://127.0.0.1:80/../x",
        "http://127.0.0.1:80?x=1",
        "http://127.0.0.1:80?",
        "http://127.0.0.1:80#",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:x",
        "http://[::1%25lo]:80",
        "http://[::ffff:10.0.0.1]:80",
        "http://[127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "http://",
        "",
        "http://127.0.0.1:80\n",
        "http://127.0.0.1 :80",
        "http://\uff11\uff12\uff17.0.0.1:80",
        None,
        7,
    ],
)
def test_everything_else_is_refused_in_one_line(http):
    with pytest.raises(OpsLabError) as told:
        Account(http, "futures", "k", "s")
    assert "\n" not in str(told.value)
    assert "word" not in str(told.value)


@pytest.mark.parametrize("key", ["", "a b", "a\r\nX: y", "ä", "k" * 300, None])
def test_a_key_that_is_none_is_refused_and_not_shown(key):
    with pytest.raises(OpsLabError, match="api_secret") as told:
        Account("http://127.0.0.1:1", "futures", "k", key)
    assert "X: y" not in str(told.value)


def test_keys_are_not_shown():
    assert "hidden" not in repr(Account("http://127.0.0.1:1", "futures", "hidden-key", "hidden-secret"))


@pytest.mark.parametrize("symbols", [(), ("",), ("A B",), ("BTC\n",), (7,), "BTCUSDT", ["BTCUSDT"]])
def test_symbols_of_spot_that_are_none_are_refused(symbols):
    with pytest.raises(OpsLabError):
        Account("http://127.0.0.1:1", "spot", "k", "s", symbols)


def test_an_unknown_market_is_refused():
    with pytest.raises(OpsLabError, match="market"):
        Account("http://127.0.0.1:1", "coin", "k", "s")
