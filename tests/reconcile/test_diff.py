"""``diff``: one change is one difference of its kind, whatever the order of rows and the side it is on."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.contract.reconciliation import Subject
from opslab.reconcile.diff import Tolerance, diff
from opslab.reconcile.snapshot import Balance, Order, Position, View, decimal_of

AMOUNT = st.decimals(min_value="0.001", max_value="1e12", places=3)
NAME = st.text("ABCDEFGH", min_size=1, max_size=4)
POSITION = st.builds(
    Position,
    symbol=NAME,
    side=st.sampled_from(["long", "short"]),
    quantity=AMOUNT,
    average_price=st.none() | AMOUNT,
    position_id=st.sampled_from(["", "P-1", "P-2"]),
)
ORDER = st.builds(
    Order,
    order_id=NAME,
    symbol=NAME,
    side=st.sampled_from(["buy", "sell"]),
    type=st.sampled_from(["limit", "market"]),
    quantity=AMOUNT,
    price=st.none() | AMOUNT,
    time_in_force=st.none() | st.just("GTC"),
    status=st.none() | st.just("NEW"),
    filled_quantity=st.none() | AMOUNT,
)
BALANCE = st.builds(Balance, account=st.just("A"), currency=NAME, total=AMOUNT, locked=st.none() | AMOUNT)


def rows(strategy, key):
    return st.lists(strategy, max_size=6, unique_by=key).map(tuple)


VIEW = st.builds(
    View,
    positions=rows(POSITION, lambda row: (row.symbol, row.position_id)),
    orders=rows(ORDER, lambda row: row.order_id),
    balances=rows(BALANCE, lambda row: (row.account, row.currency)),
)
ORDER_CHANGES = [
    (Kind.SYMBOL, "symbol", lambda value: value + "X"),
    (Kind.SIDE, "side", lambda value: "sell" if value == "buy" else "buy"),
    (Kind.TYPE, "type", lambda value: "stop"),
    (Kind.QUANTITY, "quantity", lambda value: value + Decimal("0.001")),
    (Kind.PRICE, "price", lambda value: Decimal(1) if value is None else None),
    (Kind.PRICE, "price", lambda value: (value or Decimal(0)) + Decimal("0.001")),
    (Kind.QUANTITY, "quantity", lambda value: Decimal("NaN")),
]
SWAPPED = {Kind.MISSING_EXPECTED: Kind.MISSING_OBSERVED, Kind.MISSING_OBSERVED: Kind.MISSING_EXPECTED}


def only(differences):
    assert len(differences) == 1, [str(item) for item in differences]
    return differences[0]


def mixed(view: View, rng) -> View:
    parts = {name: list(getattr(view, name)) for name in ("positions", "orders", "balances")}
    for part in parts.values():
        rng.shuffle(part)
    return View(**{name: tuple(part) for name, part in parts.items()})


@given(VIEW)
def test_a_view_agrees_with_itself(view):
    assert diff(view, view) == []


@given(VIEW, VIEW, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(first, second, rng):
    assert sorted(diff(first, second), key=str) == sorted(diff(mixed(first, rng), mixed(second, rng)), key=str)


@given(VIEW, VIEW)
def test_swapping_the_views_swaps_the_sides(first, second):
    swapped = [
        replace(item, kind=SWAPPED.get(item.kind, item.kind), expected=item.observed, observed=item.expected)
        for item in diff(second, first)
    ]
    assert sorted(swapped, key=str) == sorted(diff(first, second), key=str)


@given(VIEW.filter(lambda view: view.orders), st.sampled_from(ORDER_CHANGES), st.data())
def test_one_changed_field_of_an_order_is_one_difference(view, change, data):
    kind, field, alter = change
    place = data.draw(st.integers(0, len(view.orders) - 1))
    row = view.orders[place]
    orders = list(view.orders)
    orders[place] = dataclasses.replace(row, **{field: alter(getattr(row, field))})
    found = only(diff(view, dataclasses.replace(view, orders=tuple(orders))))
    assert (found.kind, found.subject, found.key) == (kind, Subject.ORDER, row.order_id)


@given(VIEW.filter(lambda view: view.positions), st.sampled_from(["side", "quantity", "average_price"]))
def test_one_changed_field_of_a_position_is_one_difference(view, field):
    row = view.positions[0]
    opposite = "short" if row.side == "long" else "long"
    new = opposite if field == "side" else (getattr(row, field) or Decimal(0)) + 1
    changed = dataclasses.replace(row, **{field: new})
    found = only(diff(view, dataclasses.replace(view, positions=(changed, *view.positions[1:]))))
    assert (found.kind, found.subject) == (Kind(field), Subject.POSITION)


@pytest.mark.parametrize("part", ["positions", "orders", "balances"])
@given(view=VIEW)
def test_a_removed_row_is_missing(part, view):
    if not getattr(view, part):
        return
    less = dataclasses.replace(view, **{part: getattr(view, part)[1:]})
    assert only(diff(view, less)).kind is Kind.MISSING_OBSERVED
    assert only(diff(less, view)).kind is Kind.MISSING_EXPECTED


@pytest.mark.parametrize("part", ["positions", "orders", "balances"])
@given(view=VIEW)
def test_a_row_given_twice_is_named_and_not_compared(part, view):
    if not (told := getattr(view, part)):
        return
    more = dataclasses.replace(view, **{part: (*told, told[0])})
    found = only(diff(view, more))
    assert (found.kind, found.expected, found.observed) == (Kind.DUPLICATE, "1", "2")
    assert only(diff(more, more)).kind is Kind.DUPLICATE


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["quantity", "price", "filled_quantity"])
def test_what_is_no_number_equals_nothing_not_even_itself(number, field):
    bad = dataclasses.replace(
        Order("o", "S", "buy", "limit", Decimal(1), Decimal(1), None, None, Decimal(1)), **{field: Decimal(number)}
    )
    view = View((Position("S", "long", Decimal(number)),), (bad,), (Balance("A", "S", Decimal(number)),))
    assert [item.kind for item in diff(view, view)] == [Kind.QUANTITY, Kind(field), Kind.TOTAL]


@pytest.mark.parametrize(("field", "kind"), [("time_in_force", Kind.TIME_IN_FORCE), ("status", Kind.STATUS)])
def test_status_and_time_in_force_are_compared_only_when_both_tell(field, kind):
    def view(value):
        return View((), (dataclasses.replace(Order("o", "S", "buy", "market", Decimal(1)), **{field: value}),))

    assert diff(view("A"), view(None)) == diff(view(None), view("A")) == []
    assert only(diff(view("A"), view("B"))).kind is kind


def test_a_flat_position_is_the_same_as_none():
    flat, none = View((Position("S", "flat", Decimal(0)),), ()), View((), ())
    held = View((Position("S", "long", Decimal(2)),), ())
    assert diff(flat, none) == diff(none, flat) == []
    assert only(diff(held, flat)).kind is Kind.MISSING_OBSERVED


@pytest.mark.parametrize("part", ["positions", "orders", "balances"])
def test_a_view_that_could_not_tell_is_unknown_not_empty(part):
    empty = View((), (), ())
    blind = dataclasses.replace(empty, **{part: None})
    found = only(diff(empty, blind))
    assert (found.kind, found.expected, found.observed) == (Kind.UNKNOWN, "told", None)


def test_two_views_that_could_not_tell_do_not_agree():
    assert [item.kind for item in diff(View(None, None), View(None, None))] == [Kind.UNKNOWN, Kind.UNKNOWN]


def test_numbers_within_one_step_of_the_instrument_are_the_same():
    tolerance = Tolerance.of(SimpleNamespace(step_size=Decimal("0.001"), tick_size=Decimal("0.1")))

    def view(quantity, price):
        return View((Position("S", "long", Decimal(quantity), Decimal(price)),), ())

    assert diff(view("1.0", "100"), view("1.0009", "100.09"), {"S": tolerance}) == []
    far = diff(view("1.0", "100"), view("1.001", "100.1"), {"S": tolerance})
    assert [item.kind for item in far] == [Kind.QUANTITY, Kind.AVERAGE_PRICE]
    assert len(diff(view("1.0", "100"), view("1.0009", "100.09"), {"OTHER": tolerance})) == 2


@pytest.mark.parametrize(
    ("near", "far", "kind"),
    [
        ({"quantity": "1.0009"}, {"quantity": "1.001"}, Kind.QUANTITY),
        ({"price": "100.09"}, {"price": "100.1"}, Kind.PRICE),
        ({"filled_quantity": "0.5009"}, {"filled_quantity": "0.501"}, Kind.FILLED_QUANTITY),
        ({}, {"price": None}, Kind.PRICE),
        ({}, {"price": "NaN"}, Kind.PRICE),
    ],
)
def test_each_number_of_an_order_has_the_tolerance_of_its_kind(near, far, kind):
    tolerances = {"S": Tolerance(quantity=Decimal("0.001"), price=Decimal("0.1"))}

    def view(**changes):
        values = {"quantity": "1", "price": "100", "filled_quantity": "0.5", **changes}
        numbers = {name: None if value is None else Decimal(value) for name, value in values.items()}
        return View((), (Order("o", "S", "buy", "limit", **numbers),))

    assert diff(view(), view(**near), tolerances) == []
    assert only(diff(view(), view(**far), tolerances)).kind is kind
    assert only(diff(view(**far), view(), tolerances)).kind is kind


def test_what_was_filled_or_is_locked_is_compared_only_when_both_tell():
    def view(number):
        value = None if number is None else Decimal(number)
        order = Order("o", "S", "buy", "market", Decimal(1), filled_quantity=value)
        return View((), (order,), (Balance("A", "S", Decimal(1), value),))

    assert diff(view("0.5"), view(None)) == diff(view(None), view("0.5")) == []
    assert [item.kind for item in diff(view("0.5"), view("0.6"))] == [Kind.FILLED_QUANTITY, Kind.LOCKED]


def test_numbers_compare_by_value_to_the_last_digit():
    def view(quantity):
        return View((), (Order("o", "S", "buy", "market", Decimal(quantity)),))

    assert diff(view("1"), view("1.000")) == []
    assert only(diff(view("1." + "0" * 50), view("1." + "0" * 49 + "1"))).kind is Kind.QUANTITY


def test_positions_of_one_symbol_are_told_apart_by_their_id():
    hedge = View((Position("S", "long", Decimal(1), None, "L"), Position("S", "short", Decimal(1), None, "S")), ())
    assert diff(hedge, hedge) == []
    assert only(diff(hedge, View(hedge.positions[:1], ()))).key == "S/S"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e60", max_value="1e60", places=4))
def test_decimal_of_reads_back_what_decimal_writes(number):
    assert decimal_of(str(number)) == number or abs(number.adjusted()) >= 64 or len(str(number)) > 64


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "sNaN", "inf", "-Infinity", "1_000", " 1", "1\n", "\u0661", "1e400", "1e-99", "0x1", "1,5", "9" * 65],
)
def test_decimal_of_refuses_what_is_no_usable_number(text):
    assert decimal_of(text) is None


@given(st.text(max_size=80))
def test_decimal_of_never_raises_and_never_returns_anything_but_a_finite_number(text):
    number = decimal_of(text)
    assert number is None or number.is_finite()
