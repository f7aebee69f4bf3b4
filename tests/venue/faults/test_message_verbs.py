"""What the faults at messages do."""

from __future__ import annotations

from tests.venue.faults.conftest import USER, diff, quote, report

from opslab.venue.faults.catalogue import read_fault


def inject(stand, name, **settings):
    return stand.gate.inject(*read_fault({"fault": name, **settings}))


def test_one_stream_is_mute_and_the_others_are_not(stand):
    inject(stand, "mute_stream", stream="btcusdt@bookTicker")
    assert stand.leaves(quote()) == []
    assert len(stand.leaves(quote(symbol="ethusdt"))) == 1
    assert len(stand.leaves(report())) == 1


def test_the_user_stream_is_lost_and_market_data_is_not(stand):
    inject(stand, "drop_user_stream", account="main")
    assert stand.leaves(report()) == []
    assert len(stand.leaves(quote())) == 1


def test_exactly_one_fill_is_lost(stand):
    inject(stand, "drop_fills", times=1)
    found = [len(stand.leaves(report(n, kind))) for n, kind in enumerate(("NEW", "TRADE", "TRADE", "CANCELED"))]
    assert found == [1, 0, 1, 1]


def test_spot_reports_are_fills_too(stand):
    inject(stand, "drop_fills")
    data = {"e": "executionReport", "s": "BTCUSDT", "x": "TRADE", "o": "LIMIT"}
    assert stand.leaves(report().__class__(USER, "executionReport", data)) == []


def test_a_depth_gap_breaks_the_chain(stand):
    inject(stand, "depth_gap", times=1, after={"message": "*@depth*", "count": 2})
    last, breaks = 0, 0
    for n in range(1, 6):
        for message in stand.leaves(diff(n * 10, n * 10 + 9, n * 10 - 1)):
            breaks += last not in (0, message.data["pu"])
            last = message.data["u"]
    assert breaks == 1


def test_streams_lag(stand):
    inject(stand, "delay_stream", seconds="1s", growing="1s", kind="user")
    stand.leaves(report(1))
    stand.leaves(report(2))
    stand.clock.pass_by(1)
    assert stand.venue.sent == [report(1)]
    stand.gate.heal_all()
    assert stand.venue.sent == [report(1), report(2)]
    inject(stand, "delay_stream", seconds="1s", drop=True)
    stand.leaves(report(3))
    stand.gate.heal_all()
    assert len(stand.venue.sent) == 2


def test_user_events_are_held_until_released(stand):
    injection = inject(stand, "hold_messages")
    assert stand.leaves(report(1)) == stand.leaves(report(2)) == []
    assert len(stand.leaves(quote())) == 1
    stand.clock.pass_by(3_600)
    assert stand.venue.sent == []
    stand.gate.heal(injection)
    assert stand.venue.sent == [report(1), report(2)]


def test_messages_come_twice_and_in_another_order(stand):
    inject(stand, "duplicate_messages", execution="TRADE")
    assert stand.leaves(report(1)) == [report(1), report(1)]
    stand.gate.heal_all()
    inject(stand, "reorder_messages", kind="user")
    assert stand.leaves(report(1)) + stand.leaves(report(2)) == [report(2), report(1)]


def test_streams_of_one_socket_overtake_each_other_unless_the_fault_names_one(stand):
    injection = inject(stand, "reorder_messages")
    assert stand.leaves(quote()) + stand.leaves(diff(1, 2, 0)) == [diff(1, 2, 0), quote()]
    stand.gate.heal(injection)
    inject(stand, "reorder_messages", stream="*@depth*")
    sent = [message for each in (diff(1, 2, 0), quote(), diff(3, 4, 2)) for message in stand.leaves(each)]
    assert sent == [quote(), diff(3, 4, 2), diff(1, 2, 0)]


def test_messages_are_edited_in_a_copy(stand):
    inject(stand, "edit_messages", set={"o.X": "INSURANCE_FUND", "o.new": 1}, remove=["o.i", "nothing.here"])
    message = report()
    (sent,) = stand.leaves(message)
    assert sent.data["o"] == {"s": "BTCUSDT", "x": "TRADE", "t": 1, "X": "INSURANCE_FUND", "new": 1}
    assert message.data["o"]["i"] == 7
    stand.gate.heal_all()
    inject(stand, "edit_messages", scale={"b.*.0": "0.5"}, shift={"u": 5})
    (sent,) = stand.leaves(diff(1, 2, 0))
    assert (sent.data["b"], sent.data["u"]) == ([["0.5", "2"]], 7)


def test_an_edit_that_changes_nothing_does_not_fire(stand):
    injection = inject(stand, "edit_messages", remove=["gone"])
    message = quote()
    assert stand.leaves(message)[0] is message
    assert injection.fired == 0


def test_stamps_fall_behind(stand):
    inject(stand, "shift_stamps", by_ms=-500, stream="*@bookTicker")
    (sent,) = stand.leaves(quote())
    assert (sent.data["E"], sent.data["T"]) == (500, 500)


def test_the_book_is_crossed_and_prints_are_bad(stand):
    inject(stand, "crossed_book")
    (sent,) = stand.leaves(quote())
    assert float(sent.data["b"]) > float(sent.data["a"])
    stand.gate.heal_all()
    inject(stand, "bad_print")
    data = {"e": "aggTrade", "p": "60000.10", "q": "1"}
    for stream in ("btcusdt@aggTrade", "btcusdt@trade"):
        (sent,) = stand.leaves(quote().__class__(quote().socket, stream, data))
        assert sent.data["p"] == "600.00"
