"""Where a paper run's keys come from, and where they are kept."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace

import pytest

from opslab.errors import OpsLabError, SpecError, StoreError
from opslab.root import find_lab
from opslab.runs.venue_keys import KeyFile, VenueKeys, named_keys

KEYS = VenueKeys("the-key", "the_secret")


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "opslab.toml").touch()
    return find_lab(tmp_path, {}, [tmp_path])


def spec(*names):
    placeholders = SimpleNamespace(required_env=names)
    return SimpleNamespace(connectivity_readiness=SimpleNamespace(credential_placeholders=placeholders))


def test_the_environment_is_the_source_where_the_spec_names_a_key_and_a_secret():
    environ = {"A_KEY": " the-key ", "A_SECRET": "the_secret"}
    assert named_keys(spec("A_KEY", "A_SECRET"), environ) == KEYS
    assert named_keys(spec("A_SECRET", "A_KEY"), environ) == KEYS


@pytest.mark.parametrize("names", [(), ("A_KEY",), ("A_KEY", "B_KEY"), ("A_KEY", "A_SECRET", "C"), ("X", "Y")])
def test_other_names_are_no_keys(names):
    assert named_keys(spec(*names), {"A_KEY": "a", "A_SECRET": "b", "B_KEY": "c", "C": "d", "X": "x", "Y": "y"}) is None


@pytest.mark.parametrize("environ", [{}, {"A_KEY": "a"}, {"A_KEY": "a", "A_SECRET": "  "}])
def test_what_is_not_set_is_no_key(environ):
    assert named_keys(spec("A_KEY", "A_SECRET"), environ) is None


def test_a_spec_without_readiness_names_none():
    assert named_keys(SimpleNamespace(connectivity_readiness=None), {}) is None


@pytest.mark.parametrize("value", ["a b", "ä", "x" * 200, "a\nb"])
def test_a_variable_that_holds_no_key_is_named_and_not_shown(value):
    with pytest.raises(SpecError, match="A_KEY") as told:
        named_keys(spec("A_KEY", "A_SECRET"), {"A_KEY": value, "A_SECRET": "b"})
    assert value not in str(told.value)


def test_the_file_is_for_its_owner_alone_and_goes(lab):
    kept = KeyFile(lab, "run-1")
    assert kept.read() is None
    kept.write(KEYS)
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700
    assert kept.read() == KEYS
    kept.remove()
    assert kept.read() is None
    assert list(kept.path.parent.iterdir()) == []
    kept.remove()


def test_an_old_file_is_replaced(lab):
    KeyFile(lab, "run-1").write(VenueKeys("old", "old"))
    KeyFile(lab, "run-1").write(KEYS)
    assert KeyFile(lab, "run-1").read() == KEYS


def test_a_link_in_place_of_the_file_is_neither_followed_nor_overwritten(lab, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (lab.root / "runtime" / "venue_keys").mkdir(parents=True)
    (lab.root / "runtime" / "venue_keys" / "run-1.json").symlink_to(victim)
    with pytest.raises(OpsLabError):
        KeyFile(lab, "run-1").write(KEYS)
    with pytest.raises(OpsLabError):
        KeyFile(lab, "run-1").read()
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("name", ["runtime", "runtime/venue_keys"])
def test_a_link_in_place_of_a_directory_is_not_followed(lab, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    place = lab.root / name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OpsLabError):
        KeyFile(lab, "run-1").write(KEYS)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_others_may_read_is_refused(lab):
    kept = KeyFile(lab, "run-1")
    kept.write(KEYS)
    kept.path.chmod(0o644)
    with pytest.raises(StoreError, match="others may read"):
        kept.read()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"api_key": 1, "api_secret": "b"}', b'{"api_key": "a"}', b"\xff"]
)
def test_a_file_without_keys_is_refused_in_one_line(lab, content):
    kept = KeyFile(lab, "run-1")
    kept.write(KEYS)
    kept.path.write_bytes(content)
    with pytest.raises(StoreError, match="holds no keys") as told:
        kept.read()
    assert "\n" not in str(told.value)


def test_a_pipe_in_place_of_the_file_keeps_nobody_waiting(lab):
    kept = KeyFile(lab, "run-1")
    kept.write(KEYS)
    kept.remove()
    os.mkfifo(kept.path)
    with pytest.raises(StoreError):
        kept.read()


def test_an_unsafe_run_id_is_refused(lab):
    with pytest.raises(OpsLabError):
        KeyFile(lab, "../x")


def test_keys_are_not_shown():
    assert "the" not in repr(KEYS)


def test_a_venue_keeps_its_keys_while_it_runs(lab):
    from tests.venue.small import small

    from opslab.runs.venue_host import ThreadHost

    kept = KeyFile(lab, "run-1")
    host = ThreadHost(small(), kept)
    address = host.start()
    try:
        assert kept.read() == VenueKeys(address.api_key, address.api_secret)
    finally:
        host.stop()
    assert kept.read() is None


@pytest.mark.parametrize("is_set", [True, False])
def test_keys_of_the_environment_are_the_accounts_and_kept_nowhere_else(lab, monkeypatch, is_set):
    from decimal import Decimal

    from opslab.contract.execution import Execution
    from opslab.runs import venue_host

    if is_set:
        monkeypatch.setenv("A_KEY", KEYS.api_key)
        monkeypatch.setenv("A_SECRET", KEYS.api_secret)
    instrument = SimpleNamespace(settlement="USDT", quote="USDT")
    named = spec("A_KEY", "A_SECRET")
    named.execution, named.seed = Execution(starting_balance=Decimal(5)), 0
    named.datasets = ()
    plan = SimpleNamespace(spec=named, datasets=[SimpleNamespace(instrument=instrument)])
    served = venue_host.venue_plan(plan, lab, lab.runs / "run-1" / "wire.jsonl").accounts[0]
    assert (served.api_key, served.api_secret) == ((KEYS.api_key, KEYS.api_secret) if is_set else ("", ""))
    kept = venue_host._key_file(plan, lab, lab.runs / "run-1" / "wire.jsonl")
    assert (kept is None) == is_set
