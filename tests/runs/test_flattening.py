"""Whose account a flatten empties: endpoint from the journal, keys from the environment or the file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from opslab.errors import OpsLabError
from opslab.root import find_lab
from opslab.runs.flattening import account_of, accounts_of, flatten_directory, require_living
from opslab.runs.venue_keys import KeyFile, VenueKeys
from opslab.store.journal import Journal

RUN = "paper-001"
SPEC = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_paper.yaml"


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "opslab.toml").touch()
    return find_lab(tmp_path, {}, [tmp_path])


def begun(lab, *, market="futures", instruments=("BTCUSDT-PERP.BINANCE",), venue=None, **more):
    bundle = lab.runs / RUN
    bundle.mkdir(parents=True)
    journal = Journal(bundle / "journal.jsonl", RUN)
    venue = {"market": market, "http": "http://127.0.0.1:1"} if venue is None else venue
    journal.append({"event": "run_started", "mode": "paper"})
    told = {"event": "paper_started", "mode": "paper", "venue": venue, "instruments": list(instruments)}
    journal.append({**told, **more})
    journal.close()
    return bundle


def test_the_file_of_the_run_has_its_keys(lab):
    begun(lab)
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    found = account_of(lab, RUN, {})
    assert (found.http, found.market, found.api_key, found.api_secret, found.symbols) == (
        "http://127.0.0.1:1", "futures", "K", "S", ()
    )  # fmt: skip


def named(bundle):
    """Let the run's spec name two variables."""
    text = SPEC.read_text().split("connectivity_readiness:")[0]
    readiness = "connectivity_readiness: {credential_placeholders: {required_env: [A_KEY, A_SECRET]}}\n"
    (bundle / "run_spec.yaml").write_text(text + readiness)


def test_the_environment_has_them_where_there_is_no_file(lab):
    named(begun(lab))
    found = account_of(lab, RUN, {"A_KEY": "K", "A_SECRET": "S"})
    assert (found.api_key, found.api_secret) == ("K", "S")
    with pytest.raises(OpsLabError, match="neither here nor in the environment"):
        account_of(lab, RUN, {})


def test_the_environment_comes_before_the_file(lab):
    named(begun(lab))
    KeyFile(lab, RUN).write(VenueKeys("FILE-K", "FILE-S"))
    found = accounts_of(lab, RUN, {"A_KEY": "K", "A_SECRET": "S"})
    assert [account.api_key for account in found] == ["K", "FILE-K"]
    (same,) = accounts_of(lab, RUN, {"A_KEY": "FILE-K", "A_SECRET": "FILE-S"})
    assert same.api_key == "FILE-K"


@pytest.mark.parametrize(
    "environ", [{}, {"A_KEY": "K"}, {"A_KEY": "", "A_SECRET": " "}, {"A_KEY": "K", "A_SECRET": "a b"}]
)
def test_what_the_environment_holds_in_part_or_not_at_all_leaves_the_file(lab, environ):
    named(begun(lab))
    KeyFile(lab, RUN).write(VenueKeys("FILE-K", "FILE-S"))
    assert [account.api_key for account in accounts_of(lab, RUN, environ)] == ["FILE-K"]


@pytest.mark.parametrize(("name", "other"), [("A_KEY", "A_SECRET"), ("A_SECRET", "A_KEY")])
@pytest.mark.parametrize("empty", [{}, {"A_KEY": "", "A_SECRET": " "}])
def test_one_of_two_variables_and_no_file_names_the_other(lab, name, other, empty):
    named(begun(lab))
    with pytest.raises(OpsLabError, match=f"{other} is not set") as told:
        account_of(lab, RUN, {**empty, name: "very-secret"})
    assert "\n" not in str(told.value)
    assert "very-secret" not in str(told.value)


def test_a_file_that_others_may_read_hinders_nobody_whose_environment_has_the_keys(lab):
    named(begun(lab))
    KeyFile(lab, RUN).write(VenueKeys("FILE-K", "FILE-S"))
    KeyFile(lab, RUN).path.chmod(0o644)
    assert account_of(lab, RUN, {"A_KEY": "K", "A_SECRET": "S"}).api_key == "K"
    with pytest.raises(OpsLabError, match="others may read"):
        account_of(lab, RUN, {})


def test_a_spot_account_names_what_it_trades(lab):
    begun(lab, market="spot", instruments=("BTCUSDT.BINANCE", "ETHUSDT.BINANCE"))
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    assert account_of(lab, RUN, {}).symbols == ("BTCUSDT", "ETHUSDT")


def test_what_a_spot_account_held_before_the_run_is_kept(lab):
    begun(lab, market="spot", instruments=("BTCUSDT.BINANCE",), keep={"BTC": "0.5"})
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    assert account_of(lab, RUN, {}).keep == {"BTC": Decimal("0.5")}


@pytest.mark.parametrize("keep", [{"BTC": "much"}, {"BTC": "NaN"}, {"BTC": "-1"}, {"BTC": None}, ["BTC"], "BTC"])
def test_an_amount_to_keep_that_is_none_is_refused(lab, keep):
    begun(lab, market="spot", instruments=("BTCUSDT.BINANCE",), keep=keep)
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    with pytest.raises(OpsLabError, match="keep"):
        account_of(lab, RUN, {})


@pytest.mark.parametrize(
    "venue",
    [{}, [], "x", {"market": "coin", "http": "http://127.0.0.1:1"}, {"market": "futures", "http": "http://a.b"}],
)
def test_a_journal_that_names_no_venue_is_one_line(lab, venue):
    begun(lab, venue=venue)
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    with pytest.raises(OpsLabError) as told:
        account_of(lab, RUN, {})
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]\n", b"null\n"])
def test_a_journal_that_is_broken_is_one_line(lab, content):
    bundle = begun(lab)
    (bundle / "journal.jsonl").write_bytes(content)
    require_living(lab, RUN)
    with pytest.raises(OpsLabError):
        account_of(lab, RUN, {})


def test_a_torn_last_line_hides_nothing(lab):
    bundle = begun(lab)
    KeyFile(lab, RUN).write(VenueKeys("K", "S"))
    with (bundle / "journal.jsonl").open("ab") as file:
        file.write(b'{"event": "paper_hea')
    assert account_of(lab, RUN, {}).api_key == "K"


@pytest.mark.parametrize("name", ["../x", "", "a/b", "x" * 200])
def test_an_unsafe_run_id_is_refused(lab, name):
    for act in (lambda: require_living(lab, name), lambda: flatten_directory(lab, name)):
        with pytest.raises(OpsLabError):
            act()
