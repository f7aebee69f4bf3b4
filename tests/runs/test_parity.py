"""The stepped paper run: what it refuses, and the market that it lets a node meet."""

from __future__ import annotations

import itertools
from decimal import Decimal
from types import SimpleNamespace

import pytest

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import SpecError
from opslab.root import find_lab
from opslab.runs.parity import LEVEL_SIZE, run_stepped, stepped_host
from opslab.runs.plan import plan_paper
from opslab.runs.spec_edit import edited
from opslab.samples import paper_spec, sample_spec
from opslab.venue.market import BookSnapshot, Kline, MarkPrice, Quote

SOME = 400


@pytest.fixture
def setup_of(tmp_path):
    def make(market, balances):
        lab = find_lab(tmp_path, {}, [tmp_path])
        prepare(lab, "btcusdt-sample")
        plan = plan_paper(lab, edited(read_spec(paper_spec()), {"execution.market": market}), standard_registry())
        return stepped_host(plan, lab, tmp_path / "wire.jsonl", balances).venue._setup

    return make


def test_more_than_one_dataset_is_refused_before_anything_is_written():
    two = edited(read_spec(sample_spec()), {"execution.more_data": [{"dataset": "ethusdt-sample"}]})
    with pytest.raises(SpecError, match="plays one dataset"):
        run_stepped(SimpleNamespace(), two)


@pytest.mark.parametrize("market", ["futures", "spot"])
def test_the_market_waits_and_has_one_price_at_a_time(setup_of, market):
    setup = setup_of(market, {})
    events = list(itertools.islice(setup.tape, SOME))
    quotes = [event for event in events if isinstance(event, Quote)]
    (book,) = (event for event in events if isinstance(event, BookSnapshot))
    assert setup.is_held
    assert quotes
    assert all(quote.bid == quote.ask for quote in quotes)
    assert all(size >= LEVEL_SIZE / 2 for _, size in (*book.bids, *book.asks))
    assert len(book.bids) == len(book.asks) == 1
    assert any(isinstance(event, Kline) and event.is_closed for event in events)
    assert any(isinstance(event, MarkPrice) for event in events) is (market == "futures")


def test_the_account_has_what_it_is_given_besides_the_starting_balance(setup_of):
    (account,) = setup_of("spot", {"BTC": Decimal(1)}).accounts
    assert account.balances == {"USDT": Decimal(1_000_000), "BTC": Decimal(1)}
