"""Faults from plain data: what is wrong with them is one clear line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.errors import DrillError
from opslab.venue.faults.catalogue import CATALOGUE, fault_of, read_fault


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"fault": "drop_user_strem"}, "did you mean drop_user_stream?"),
        ({"fault": "zzz"}, "there are: reject_requests"),
        ({"fault": ["ban"]}, "is not a fault of the venue"),
        ({}, "a fault needs a name"),
        ("ban", "a fault needs a name"),
        ({"fault": "ban", "minutes": 1}, "minutes: is an unknown key; it takes route, account, symbol, seconds"),
        ({"fault": "ban", "seconds": "a while"}, "'a while' is not a duration"),
        ({"fault": "delay_stream"}, "seconds: Field required"),
        ({"fault": "close_sockets", "code": 5}, "code: "),
        ({"fault": "close_sockets", "kind": "telnet"}, "kind: "),
        ({"fault": "ping_sockets", "payload": "x" * 126}, "payload: "),
        ({"fault": "edit_replies"}, "needs set, remove, scale or headers"),
        ({"fault": "edit_messages"}, "needs set, remove, scale or shift"),
        ({"fault": "edit_exchange_info", "listed": "BTCUSDT"}, "needs remove, status, set or filters"),
        ({"fault": "manual_order", "account": "a", "symbol": "b", "side": "BUY", "quantity": "-1"}, "quantity: "),
        ({"fault": "credit", "account": "a", "asset": "b", "amount": "NaN"}, "amount: "),
        ({"fault": "reject_requests", "headers": {"X": "a\r\nb"}}, "headers.X: "),
        ({"fault": "reject_requests", "when": "during"}, "when: "),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(data, told):
    with pytest.raises(DrillError) as caught:
        read_fault(data)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted({field.alias or name for recipe in CATALOGUE.values() for name, field in recipe.model_fields.items()}
              | {"after", "for", "again", "times", "probability", "nonsense"})  # fmt: skip


@given(st.sampled_from(sorted(CATALOGUE)) | json, st.dictionaries(st.sampled_from(KEYS), json, max_size=4))
def test_any_data_give_a_fault_or_one_clear_line(name, settings):
    told = name
    try:
        told = read_fault({"fault": name, **settings})[0].name
    except DrillError as error:
        told = str(error)
    assert told
    assert "\n" not in told


def test_the_name_tells_the_settings_that_were_given():
    assert fault_of("delay_stream", {"seconds": "2s", "kind": "user"}).name == "delay_stream kind=user seconds=2.0"
    assert fault_of("mute_stream", {}).name == "mute_stream"
    assert len(fault_of("edit_replies", {"set": {"a": "x" * 1_000}}).name) == 160
