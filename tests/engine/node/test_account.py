"""The account of a live node: only a process that calculates it from fills gets another one than the engine's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.cache.cache import Cache
from nautilus_trader.config import CacheConfig, DatabaseConfig, TradingNodeConfig
from nautilus_trader.model.enums import AccountType
from nautilus_trader.model.identifiers import AccountId

from opslab.engine.node.account import add_reported_account

REGISTERED = "BACKTESTED"


@pytest.fixture(scope="module", autouse=True)
def registered():
    """A venue of which this process ran a backtest; the engine keeps that for good."""
    AccountFactory.register_calculated_account(REGISTERED)


def added(issuer, kind=AccountType.MARGIN, **settings):
    client = SimpleNamespace(account_id=AccountId(f"{issuer}-1"), account_type=kind, base_currency=None)
    cache = Cache()
    add_reported_account(client, cache, TradingNodeConfig(**settings))
    return cache.accounts()


@pytest.mark.parametrize("kind", [AccountType.CASH, AccountType.MARGIN])
def test_where_the_engine_would_calculate_it_a_reported_one_is_there_first(kind):
    (account,) = added(REGISTERED, kind)
    assert account.type == kind
    assert not account.calculate_account_state


def test_without_a_backtest_the_engines_own_account_stays():
    assert added("NEVERTESTED") == []


def test_with_a_database_the_account_of_the_last_run_comes_from_there():
    assert added(REGISTERED, cache=CacheConfig(database=DatabaseConfig(host="127.0.0.1"))) == []
