"""What differs is told once it lasted, told again when it changes, and never taken for agreed when nobody answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.reconciliation import DifferenceKind, Subject
from opslab.reconcile.diff import Difference
from opslab.reconcile.following import Following
from opslab.reconcile.view_difference import ViewDifference

GRACE = 500


def item(key: str, observed: str = "1") -> ViewDifference:
    return ViewDifference("engine", Difference(DifferenceKind.QUANTITY, Subject.POSITION, key, "2", observed))


def test_what_is_on_its_way_is_not_told():
    found = Following(GRACE)
    assert found.take(0, [item("A")]) is None
    assert found.has_pending
    assert found.take(GRACE - 1, [item("A")]) is None
    assert found.take(GRACE, []) is None
    assert not found.has_pending
    assert found.differ_ms(GRACE) is None


def test_what_lasts_is_told_once_with_how_long_it_lasts():
    found = Following(GRACE)
    found.take(100, [item("A")])
    change = found.take(700, [item("A")])
    assert (change.agree, change.since_ms, change.differences) == (False, 600, (item("A"),))
    assert found.take(5000, [item("A", "3")]) is None, "another number of the same row"
    assert found.differ_ms(5000) == 4900


def test_a_further_difference_is_a_change_and_the_first_ones_time_counts():
    found = Following(GRACE)
    found.take(0, [item("A")])
    found.take(600, [item("A")])
    found.take(1000, [item("A"), item("B")])
    change = found.take(1600, [item("B")])
    assert (change.since_ms, change.differences) == (1600, (item("B"),))


def test_agreeing_again_is_told_with_how_long_it_took():
    found = Following(GRACE)
    found.take(0, [item("A")])
    found.take(600, [item("A")])
    change = found.take(900, [])
    assert (change.agree, change.since_ms, change.differences) == (True, 900, ())
    assert found.differ_ms(1000) is None


def ended(key: str) -> ViewDifference:
    return ViewDifference(
        "strategy", Difference(DifferenceKind.UNATTRIBUTED_ENDED, Subject.ORDER, key, "SELL 1 FILLED")
    )


def test_what_is_over_and_left_nothing_is_told_once_and_then_all_agree():
    found = Following(GRACE)
    found.take(0, [ended("web")])
    assert found.has_pending
    change = found.take(600, [ended("web")])
    assert (change.agree, change.differences) == (False, (ended("web"),))
    assert found.take(700, [ended("web")]).agree
    assert found.differ_ms(700) is None
    assert not found.has_pending
    found.cannot_tell(800, "venue", "gone")
    for now in range(900, 9000, 100):
        assert found.take(now, [ended("web")]) is None, "it is not told again"


def test_what_is_over_does_not_hide_what_differs():
    found = Following(GRACE)
    found.take(0, [ended("web"), item("A")])
    found.take(600, [ended("web"), item("A")])
    change = found.take(700, [ended("web"), item("A")])
    assert (change.agree, change.differences) == (False, (item("A"),))
    assert found.differ_ms(5000) == 5000


def test_nobody_answers_is_not_no_difference():
    found = Following(GRACE)
    found.take(0, [item("A")])
    found.take(600, [item("A")])
    assert found.cannot_tell(700, "venue", "gone") is None
    change = found.cannot_tell(1300, "venue", "gone")
    assert [one.difference.kind for one in change.differences] == ["quantity", "unknown"]
    assert found.differ_ms(1300) == 1300


def test_a_venue_that_says_nothing_from_the_beginning_counts_as_different():
    found = Following(GRACE)
    found.cannot_tell(0, "venue", "gone")
    assert not found.cannot_tell(GRACE, "venue", "gone").agree
    assert found.take(GRACE + 1, []).agree


KEYS = st.sets(st.sampled_from("ABC"))


@given(st.lists(st.tuples(st.integers(1, 2000), st.none() | KEYS), max_size=30))
def test_whatever_comes_its_story_holds_together(steps):
    found, now, story = Following(GRACE), 0, []
    seen: dict[str, int] = {}
    for wait, keys in steps:
        now += wait
        rows = [item(key) for key in sorted(keys or ())]
        change = found.cannot_tell(now, "venue", "gone") if keys is None else found.take(now, rows)
        if keys is not None:
            seen = {key: seen.get(key, now) for key in keys}
        if change is not None:
            story.append(change)
        assert (found.differ_ms(now) is None) == (not found.differences)
        told = {one.difference.key for one in found.differences} - {"venue"}
        assert told >= {key for key, first in seen.items() if now - first >= GRACE and keys is not None} & set(
            keys or ()
        )
        assert all(now - seen[key] >= GRACE for key in told)
    for before, after in zip([None, *story], story, strict=False):
        names = [
            None if change is None else [one.difference.key for one in change.differences] for change in (before, after)
        ]
        assert names[0] != names[1], "a change changes something"
        assert after.agree == (not after.differences)
        assert not (after.agree and (before is None or before.agree)), "agreeing again follows on differing"
