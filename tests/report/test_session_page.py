"""``index.html`` of a session: what it tells, in which order, and that nothing from outside becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.report.session_world import SESSION, World, row, session

from opslab.report.outcomes import WORDS, WORST_FIRST
from opslab.report.session_page.facts import MOST_FINDINGS, Budget
from opslab.report.session_page.links import Places, is_address
from opslab.report.session_page.page import duration, render_page, write_page

VOID = {"meta", "link", "br"}


class Read(HTMLParser):
    """Reads a page as a browser would, and notes what does not close."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data

    def of(self, tag: str, name: str = "") -> list[dict]:
        return [attrs for found, attrs in self.tags if found == tag and name in (attrs.get("class") or "")]

    @property
    def links(self) -> list[str]:
        return [attrs["href"] for attrs in self.of("a") if not attrs["href"].startswith("#")]


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture
def page(world):
    return lambda *rows, **changes: Read(render_page(session(*rows, **changes), world.places))


def test_it_tells_of_the_session(page):
    text = page(row(), row("b", "fail"), row("c", "known_defect")).text
    for told in (SESSION, "took 3.00 s", "0.9.0", "1.231.0", "3 drills", "1 failed", "1 known defect", "1 passed"):
        assert told in text


def test_areas_and_drills_are_worst_first(page):
    rows = [
        row("z", "pass", area="a"),
        row("d", "known_defect", area="b"),
        row("f", "fail", area="c"),
        row("a", area="c"),
    ]
    text = page(*rows, row("u", "unknown", area="b")).text
    main = text[text.rindex("check did not") :]
    places = [main.index(f"drills/test_it.py::{name}") for name in ("u", "d", "f", "a", "z")]
    assert places == sorted(places)


@pytest.mark.parametrize("outcome", WORST_FIRST)
def test_every_outcome_has_its_word_and_what_is_bad_is_open(page, outcome):
    read = page(row(outcome=outcome), mutants=outcome in {"caught", "toothless"})
    assert WORDS[outcome] in read.text
    assert ("open" in read.of("details")[0]) == (outcome in WORST_FIRST[:4])


def test_mutants_are_called_so(page):
    read = page(row("a", "toothless", mutant="guard-off"), row("b", "caught"), mutants=True)
    assert "2 mutants" in read.text
    assert "1 survived" in read.text
    assert "guard-off" in read.text


@pytest.mark.parametrize(
    ("status", "told"), [("completed", None), ("interrupted", "was interrupted"), ("running", "not told of its end")]
)
def test_a_session_without_an_end_says_so(page, status, told):
    read = page(row(), status=status, completed_at_utc=None)
    assert [attrs["role"] for attrs in read.of("p", "banner")] == (["status"] if told else [])
    assert told is None or told in read.text
    assert "took" not in read.text


def test_an_empty_session_says_so(page):
    assert "No drill came to a verdict" in page().text


def test_checks_faults_and_the_timeline_come_from_what_the_drill_left(world, page):
    event = {"event": "check_evaluated", "ts_utc": "2026-01-01T00:00:01.000000Z", "check": "orders.true"}
    kept = world.keep("d", event | {"result": "fail", "code": "OPS-X"}, event | {"result": "pass"})
    read = page(row("d", "fail", **kept))
    for told in ("orders.true", "OPS-X bad", "OL-06", "guard-off", "drop", "steady: 500 ms", "2.00 s"):
        assert told in read.text
    bars = [(attrs["class"], attrs["x"], attrs["width"]) for attrs in read.of("rect", "bar")]
    assert bars == [
        ("bar steady", "0.00%", "25.00%"),
        ("bar verify", "25.00%", "75.00%"),
        ("bar fault", "12.50%", "25.00%"),
    ]
    assert [attrs["cx"] for attrs in read.of("circle")] == ["50.00%"]
    assert len(read.of("rect", "mark fail")) == 1


def test_expected_and_observed_are_shown_of_what_did_not_hold(world, page):
    checks = [
        {"check": name, "phase": "verify", "result": result, "expected": {"a": 1}, "observed": [name]}
        for name, result in (("good", "pass"), ("bad", "fail"))
    ]
    text = page(row("d", **world.keep("d", checks=checks))).text
    assert '["bad"]' in text
    assert '["good"]' not in text


def test_of_very_many_checks_those_that_did_not_hold_are_shown(world, page):
    checks = [{"check": f"c{n}", "phase": "verify", "result": "pass"} for n in range(200)]
    checks[150] |= {"result": "fail", "code": "OPS-HIDDEN"}
    text = page(row("d", **world.keep("d", checks=checks))).text
    assert "OPS-HIDDEN" in text
    assert f"{200 - MOST_FINDINGS} more are in the drill's report." in text


def test_without_a_report_the_phases_of_the_record_are_drawn(page):
    read = page(row(phases={"verify": 0.75, "steady": 0.25}))
    assert [attrs["x"] for attrs in read.of("rect", "bar")] == ["0.00%", "25.00%"]
    assert page(row(phases={})).of("figure") == []


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": "v1"}', '{"schema_version": "v9"}'])
def test_a_broken_report_is_told_and_hides_nothing_else(world, page, content):
    kept = world.keep("d")
    (world.page / "drills/d.json").write_text(content)
    read = page(row("d", "fail", message="what it found", **kept), row("other"))
    assert "cannot be read" in read.text
    assert "what it found" in read.text
    assert "other" in read.text


def test_links_lead_to_what_is_there(world, page):
    kept = world.keep("d")
    (world.lab.root / "docs").mkdir()
    (world.lab.root / "docs/run book.md").touch()
    links = page(row("d", runs=[world.run("r-1"), "gone"], runbook="docs/run book.md", **kept)).links
    assert links == [
        *("../../docs/run%20book.md", "drills/d.json", "drills/d.journal.jsonl"),
        *("../../runs/r-1", "../../runs/r-1/report.md"),
    ]
    for link in links:
        assert (world.page / link.replace("%20", " ")).exists()


def test_a_runbook_elsewhere_is_found_by_its_base(world):
    report = session(row(runbook="books/a b.md"), row("b", runbook="https://example.org/x?a=1&b=2"))
    assert Read(render_page(report, world.places)).links == ["https://example.org/x?a=1&b=2"]
    based = Places(world.lab, world.page, "https://example.org/")
    assert Read(render_page(report, based)).links[0] == "https://example.org/books/a%20b.md"
    for useless in ("../../", "javascript:alert(1)//"):
        assert len(Read(render_page(report, Places(world.lab, world.page, useless))).links) == 1


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http:", "//x.org", "http://["]
)
def test_no_other_scheme_is_a_link(world, page, address):
    assert not is_address(address)
    assert page(row(runbook=address)).links == []


@pytest.mark.parametrize("path", ["../outside.json", "/etc/passwd", "sessions/../../outside.json", "\x00", "lab.json"])
def test_nothing_outside_of_sessions_and_runs_is_read_or_linked_as_a_report(world, page, path):
    (world.lab.root / "lab.json").write_text("{}")
    (world.lab.root.parent / "outside.json").write_text('{"secret": 1}')
    read = page(row(report=path))
    assert "lies outside the lab" in read.text
    assert [link for link in read.links if link != "../../lab.json"] == []


def test_names_cannot_lead_out_of_the_lab(world, page):
    read = page(row(name="../../../../etc/hostname", runs=["../../../../../../../../etc", "\x00"], runbook="../../etc"))
    assert read.links == []


def test_a_symlink_is_no_report(world, page):
    kept = world.keep("d")
    (world.page / "drills/d.json").rename(world.lab.root / "real.json")
    (world.page / "drills/d.json").symlink_to(world.lab.root / "real.json")
    assert "cannot be read" in page(row("d", **kept)).text


HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}</style>\u2028\x00\x1b[31m\ud800" + "x" * 5000
)


def test_hostile_text_stays_text(world, page):
    checks = [
        {"check": "<q>", "phase": "verify", "result": "fail", "code": "<i>", "details": "</td>", "observed": "<u>"}
    ]
    kept = world.keep("d", checks=checks, rehearses=["<s>"], mutants=["<em>"], known_defects=[])
    fields = ("title", "area", "message", "severity", "nodeid", "mutant", "runbook")
    hostile = row(
        "h", "fail", **dict.fromkeys(fields, HOSTILE), runs=[HOSTILE], budgets={HOSTILE: [1, 2]}, phases={HOSTILE: 1}
    )
    read = page(hostile, row("d", **kept))
    assert {tag for tag, _ in read.tags} & {"script", "img", "q", "i", "u", "s", "em"} == set()
    assert not [attrs for _, attrs in read.tags if any(name.startswith("on") for name in attrs)]
    assert "{{ 7*7 }}" in read.text
    assert "xxxx" in read.text
    assert "x" * 500 not in read.text


def test_rows_of_an_earlier_lab_may_lack_everything(page):
    assert "1 drill" in page({}).text
    assert page({"outcome": "of another lab", "seconds": None, "budgets": [], "phases": 3, "runs": "x"}).of("details")


cells = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=15),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(row(), cells)), max_size=3))
def test_any_record_gives_a_page(world, rows):
    read = Read(render_page(session(*rows), world.places))
    assert len(read.of("details")) == len(rows)


@pytest.mark.parametrize(
    ("spent", "share", "is_over"), [(1.0, 20.0, False), (5.0, 100.0, False), (7.5, 100.0, True), (None, 100.0, True)]
)
def test_budgets_are_bars(page, spent, share, is_over):
    assert (Budget("b", 5.0, spent).share, Budget("b", 5.0, spent).is_over) == (share, is_over)
    read = page(row(budgets={"recover_within": [5.0, spent]}))
    assert [attrs["width"] for attrs in read.of("rect", "over" if is_over else "spent")] == [f"{share:.2f}%"]
    assert f"{duration(spent)} of 5.00 s" in read.text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "not reached"), (0, "0.0 ms"), (0.0123, "12 ms"), (0.9994, "999 ms"), (61.234, "61.23 s")],
)
def test_durations_read_well(seconds, told):
    assert duration(seconds) == told


def test_the_page_needs_nothing_but_itself(world, page):
    read = page(row("d", **world.keep("d")))
    assert [attrs["href"] for attrs in read.of("link")] == ["data:,"]
    policy = next(attrs["content"] for attrs in read.of("meta") if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert not read.of("script")


def test_the_same_facts_give_the_same_page(world):
    report = session(row("d", **world.keep("d")), row("e"))
    assert write_page(report, world.places) == world.page / "index.html"
    assert (world.page / "index.html").read_bytes() == render_page(report, world.places)


def test_what_turns_text_around_is_shown_escaped(world):
    hostile = row("turned", "error", message="RuntimeError: abc\u202egnp.exe\u200b ünï", title="a\u2066b")
    text = Read(render_page(session(hostile), world.places)).text
    assert "abc\\u202egnp.exe\\u200b ünï" in text
    assert "a\\u2066b" in text
    assert not set(text) & {"\u202e", "\u200b", "\u2066"}
