"""Readiness asks the environment for names and lets no value out."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.connectivity.readiness import evaluated
from opslab.contract.spec_file import read_spec
from opslab.runs.spec_edit import edited
from opslab.samples import paper_spec

NOW = datetime(2026, 1, 5, tzinfo=UTC)
NAMES = {"required_env": ["B_SECRET", "A_KEY"], "optional_env": ["C_PASSPHRASE"]}


def asked(environ, **block):
    changes = {"connectivity_readiness": {"enabled": True, "credential_placeholders": NAMES, **block}}
    return evaluated(edited(read_spec(paper_spec()), changes).spec, "run-1", environ, NOW)


def test_all_there_is_configured():
    told = asked({"A_KEY": "x", "B_SECRET": "y"})
    assert (told.state, told.missing_required_count, told.required_env_count) == ("configured", 0, 2)
    assert told.required_env == ("A_KEY", "B_SECRET")
    assert told.present_env == ("A_KEY", "B_SECRET")
    assert told.missing_env == ("C_PASSPHRASE",)


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000"])
def test_blank_counts_as_missing(blank):
    told = asked({"A_KEY": blank, "B_SECRET": "y"})
    assert (told.state, told.missing_required_count) == ("missing_credentials", 1)
    assert "A_KEY" in told.missing_env


def test_optional_ones_do_not_decide():
    assert asked({"A_KEY": "x", "B_SECRET": "y", "C_PASSPHRASE": "z"}).state == "configured"


def test_switched_off_is_disabled_whatever_is_set():
    assert asked({}, enabled=False).state == "disabled"


def test_without_the_block_it_is_disabled():
    told = evaluated(read_spec(paper_spec()).spec, "run-1", {"A_KEY": "x"}, NOW)
    assert (told.state, told.enabled, told.required_env) == ("disabled", False, ())


@given(st.text(min_size=12, alphabet=st.characters(categories=["Ll", "Nd"], codec="ascii")))
def test_no_value_is_told(value):
    told = asked({"A_KEY": value, "B_SECRET": value[::-1], "UNASKED": "other"})
    text = json.dumps(told.to_dict())
    assert value not in text
    assert value[::-1] not in text
    assert "UNASKED" not in text
