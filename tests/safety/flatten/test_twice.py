"""Nothing is sent twice: whatever is lost, and wherever a flatten is killed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.safety.flatten.script import LOST, UNSENT, KilledError, busy_futures, busy_spot, refused

from opslab.safety.flatten.log import FlattenLog, Remembered
from opslab.safety.flatten.turns import Answer

SCENES = {"futures": (busy_futures, Decimal("0.030")), "spot": (busy_spot, Decimal(2))}
MOST_REQUESTS = 20


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, MOST_REQUESTS))
def test_a_second_flatten_ends_what_a_killed_one_began(tmp_path, scene, is_after, number):
    make, amount = SCENES[scene]
    script = make()

    def kill(count, _request, send):
        if count == number:
            if is_after:
                send()
            raise KilledError
        return send()

    script.interfere = kill
    try:
        with FlattenLog(tmp_path / "log") as log:
            script.flatten("fl-a", log=log)
    except KilledError:
        pass
    else:
        assert len(script.requests) < number, "it ended before it could be killed"
    script.interfere = lambda _count, _request, send: send()
    with FlattenLog(tmp_path / "log") as log:
        done = script.flatten("fl-b", log=log)
        assert not [intent for intent in log.intents() if not intent.is_settled]
    assert done.is_flat
    assert script.is_flat()
    assert script.sold() == amount
    ids = [order.client_order_id for order in script.closes()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    "told",
    [
        LOST,
        refused(-1007, 503),
        Answer(200, {}, b""),
        Answer(200, {}, b'{"clientOrderId": "other", "status": "FILLED"}'),
    ],
    ids=["lost", "unknown", "empty", "another"],
)
def test_a_close_of_unknown_fate_is_asked_about_and_not_sent_again(scene, told):
    make, amount = SCENES[scene]
    script = make()
    left = [told]

    def lose(_number, request, send):
        answer = send()
        return left.pop() if left and request.method == "POST" else answer

    script.interfere = lose
    done = script.flatten()
    assert done.is_flat
    assert script.sold() == amount
    assert len(script.closes()) == 1
    assert any(request.method == "GET" and request.path.endswith("/order") for request in script.requests)


def test_a_close_that_never_came_is_sent_again_only_when_the_venue_would_not_take_it_any_more():
    script = busy_futures()
    left = [LOST]
    sent = []

    def lose(_number, request, send):
        if request.method == "POST":
            sent.append(script.now.ms)
            if left:
                return left.pop()
        return send()

    script.interfere = lose
    done = script.flatten()
    assert done.is_flat
    assert script.sold() == Decimal("0.030")
    assert len(sent) == 2
    assert sent[1] - sent[0] > 1_000, "the first may still have been on its way"


def test_it_is_not_flat_while_the_fate_of_a_close_is_unknown():
    script = busy_futures()

    def deaf(_number, request, send):
        answer = send()
        return LOST if request.path.endswith("/order") else answer

    script.interfere = deaf
    done = script.flatten(seconds=6)
    assert script.is_flat()
    assert not done.is_flat
    assert any("what became of close" in what for what in done.left.unknown)


TROUBLES = st.sampled_from(
    [
        None,
        None,
        (False, LOST),
        (True, LOST),
        (False, UNSENT),
        (False, refused(-1001, 500)),
        (True, refused(-1007, 503)),
        (False, refused(-1008, 503)),
        (False, Answer(403, {}, b"<html>")),
        (True, Answer(200, {}, b"")),
        (True, Answer(200, {}, b"[1]")),
        (False, refused(-1003, 429, retry_after="1")),
        (False, refused(-1003, 418, retry_after="2")),
        (False, refused(-1015, 429, retry_after="1")),
        (False, refused(-1021)),
        (False, refused(-2022)),
        "kill before",
        "kill after",
    ]
)


@given(scene=st.sampled_from(list(SCENES)), troubles=st.lists(TROUBLES, max_size=30))
@settings(max_examples=150, deadline=None)
def test_whatever_goes_wrong_it_ends_flat_and_sells_once(scene, troubles):
    make, amount = SCENES[scene]
    script, coming = make(), list(reversed(troubles))

    def trouble(_number, _request, send):
        match coming.pop() if coming else None:
            case None:
                return send()
            case "kill before":
                raise KilledError
            case "kill after":
                send()
                raise KilledError
            case is_after, told:
                if is_after:
                    send()
                return told

    script.interfere = trouble
    log = Remembered()  # outlives the killed flattens, as a file would
    for number in range(40):
        try:
            done = script.flatten(f"fl-{number}", seconds=300, log=log)
        except KilledError:
            continue
        break
    assert done.is_flat
    assert script.is_flat()
    assert script.sold() == amount
    assert all(order.executed <= amount for order in script.closes())


def test_each_close_stands_in_the_log_before_it_leaves(tmp_path):
    script = busy_futures()
    found = []

    def look(_number, request, send):
        if request.method == "POST":
            text = (tmp_path / "log" / "intents.json").read_text()
            found.append(dict(request.params)["newClientOrderId"] in text)
        return send()

    script.interfere = look
    with FlattenLog(tmp_path / "log") as log:
        script.flatten(log=log)
    assert found == [True]


def test_the_second_flatten_asks_what_became_of_the_close_of_the_first(tmp_path):
    script = busy_futures()

    def kill(_count, request, send):
        if request.method == "POST":
            raise KilledError
        return send()

    script.interfere = kill
    with pytest.raises(KilledError), FlattenLog(tmp_path / "log") as log:
        script.flatten("fl-a", log=log)
    script.interfere = lambda _count, _request, send: send()
    script.requests.clear()
    with FlattenLog(tmp_path / "log") as log:
        script.flatten("fl-b", log=log)
    asked = [dict(request.params) for request in script.requests if request.path.endswith("/order")]
    assert asked[0]["origClientOrderId"] == "fl-a-1"
    assert asked[-1]["newClientOrderId"] == "fl-b-2"


def test_a_close_that_wanders_in_late_is_refused_by_the_venue():
    script = busy_futures()
    late = []

    def delay(_number, request, send):
        if request.method == "POST" and not late:
            late.append(send)
            return LOST
        return send()

    script.interfere = delay
    done = script.flatten()
    script.world.buy_market("0.030")  # whatever is there later is not closed by an old request
    assert late[0]().status == 400
    assert done.is_flat
    assert script.sold() == Decimal("0.030")
