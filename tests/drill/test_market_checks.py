"""The checks on market data: what passes, and each finding alone."""

from __future__ import annotations

import copy

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.checks.market import behind_ms, differences
from opslab.drill.history import History

NAME = "BTCUSDT-PERP.BINANCE"
BOOK = {"bids": [["100.0", "1.5"], ["99.9", "2"]], "asks": [["100.1", "1"]]}
SIDE = {"quote": {"bid": "100.0", "ask": "100.1"}, "book": BOOK, "newest_ms": {"quotes": 5_000, "book": 5_000}}
QUIET = {"wire": [], "health": [], "order": "ACCEPTED"}


def market(**strategy):
    seen = {**copy.deepcopy(SIDE), **strategy}
    sides = {"venue": copy.deepcopy(SIDE), "strategy": seen}
    return {"at_ms": 6_000, "instruments": {NAME: sides}, "feeds": ["book", "quotes"], "streams": ["a", "b"]}


def ask(name, **facts):
    finding = find_check(name).ask(History((), facts), None, Phase.VERIFY)
    return finding.result, finding.code


SAME = ("market.fresh", "market.quote_true", "market.book_true")


@pytest.mark.parametrize("name", SAME)
def test_a_strategy_that_sees_what_the_venue_shows_passes(name):
    assert ask(name, market=market()) == (Result.PASS, "")


def test_trailing_zeros_and_the_order_of_levels_do_not_matter():
    book = {"bids": [["99.90", "2.0"], ["100", "1.50"]], "asks": [["100.10", "1"]]}
    assert differences(market(book=book, quote={"bid": "100", "ask": "100.10"})) == []


def test_a_stamp_may_be_off_by_a_millisecond_and_no_more():
    assert ask("market.fresh", market=market(newest_ms={"quotes": 4_999, "book": 5_001})) == (Result.PASS, "")
    assert ask("market.fresh", market=market(newest_ms={"quotes": 4_998, "book": 5_000})) == (
        Result.FAIL,
        "OPS-MARKET-STALE",
    )


@pytest.mark.parametrize(
    ("name", "strategy", "code"),
    [
        ("market.fresh", {"newest_ms": {"quotes": 5_000}}, "OPS-MARKET-STALE"),
        ("market.quote_true", {"quote": {"bid": "99.9", "ask": "100.1"}}, "OPS-MARKET-QUOTE"),
        ("market.quote_true", {"quote": None}, "OPS-MARKET-QUOTE"),
        ("market.book_true", {"book": None}, "OPS-MARKET-BOOK"),
        ("market.book_true", {"book": {**BOOK, "bids": BOOK["bids"][:1]}}, "OPS-MARKET-BOOK"),
        ("market.book_true", {"book": {**BOOK, "asks": [["100.1", "1"], ["107", "3"]]}}, "OPS-MARKET-BOOK"),
        ("market.book_true", {"book": {**BOOK, "asks": [["100.1", "2"]]}}, "OPS-MARKET-BOOK"),
    ],
)
def test_each_difference_is_found_by_its_check_alone(name, strategy, code):
    assert ask(name, market=market(**strategy)) == (Result.FAIL, code)
    for other in set(SAME) - {name}:
        assert ask(other, market=market(**strategy)) == (Result.PASS, "")


@pytest.mark.parametrize("name", [*SAME, "feed.noticed", "book.gap_noticed"])
def test_a_feed_that_is_not_taken_cannot_be_judged(name):
    facts = {**market(), "feeds": []}
    assert ask(name, market=facts, feed=QUIET) == (Result.UNKNOWN, "OPS-FACTS-MISSING")


def test_a_stream_that_is_not_subscribed_again_is_found():
    after = {**market(), "streams": ["a"]}
    assert ask("market.subscribed", market_before=market(), market=market()) == (Result.PASS, "")
    assert ask("market.subscribed", market_before=market(), market=after) == (Result.FAIL, "OPS-MARKET-UNSUBSCRIBED")
    nothing = {**market(), "streams": []}
    assert ask("market.subscribed", market_before=nothing, market=after) == (Result.UNKNOWN, "OPS-MARKET-NOTHING")


STALE = market(newest_ms={"quotes": 1_000, "book": 5_000})
GAP = market(book={**BOOK, "asks": [["100.1", "2"]]})


@pytest.mark.parametrize(
    ("name", "facts", "code"),
    [("feed.noticed", STALE, "OPS-FEED-UNNOTICED"), ("book.gap_noticed", GAP, "OPS-GAP-UNNOTICED")],
)
def test_any_sign_or_a_denied_order_counts_as_noticed(name, facts, code):
    assert ask(name, market=facts, feed=QUIET) == (Result.FAIL, code)
    for sign in ({"wire": ["a book was asked for"]}, {"health": ["ComponentStateChanged"]}, {"order": "DENIED"}):
        assert ask(name, market=facts, feed={**QUIET, **sign}) == (Result.PASS, "")


def test_without_silence_nobody_can_tell_and_without_a_gap_the_book_is_well():
    assert ask("feed.noticed", market=market(), feed=QUIET) == (Result.UNKNOWN, "OPS-FEED-LIVE")
    assert ask("book.gap_noticed", market=market(), feed=QUIET) == (Result.PASS, "")


def test_the_age_of_a_feed_is_that_of_its_oldest_instrument():
    assert behind_ms(STALE, "quotes") == 4_000
    assert behind_ms(STALE, "book") == 0
    assert behind_ms(market(newest_ms={}), "quotes") == 0
