"""The runbook of a finding's code, and where the session's page leads for a drill that names none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.report.session_world import World, row, session

from opslab.report.runbooks import INDEX, runbook_of, runbooks_by_code
from opslab.report.session_page.page import render_page

REPOSITORY = Path(__file__).parents[2]
TABLE = """# Runbooks

| Code | Means | Read |
| --- | --- | --- |
| `OPS-A-ONE`, `OPS-A-TWO` | it broke | [A page](a-page.md) |
| `OPS-NO-CHECK` | no check was asked | name one |

OPS-IN-TEXT | is no row | [Another](other.md) |
"""


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def write_index(world: World, text: str = TABLE) -> None:
    (world.lab.root / "docs/runbooks").mkdir(parents=True)
    (world.lab.root / INDEX).write_text(text)
    (world.lab.root / "docs/runbooks/a-page.md").write_text("# A page\n")


def told(world: World, *rows: dict[str, object]) -> list[tuple[str, str | None, str]]:
    """Return code, address and text of each runbook that the page names."""
    page = render_page(session(*rows), world.places).decode()
    found = re.findall(r"<dt>runbook</dt><dd>(?:<code>(.*?)</code> )?<(?:a href=\"(.*?)\".*?|span)>(.*?)</", page)
    return [(code, href or None, text) for code, href, text in found]


def test_the_index_of_a_lab_says_which_page_explains_a_code(world):
    write_index(world)
    page = "docs/runbooks/a-page.md"
    assert runbooks_by_code(world.lab.root) == {"OPS-A-ONE": page, "OPS-A-TWO": page, "OPS-NO-CHECK": INDEX}


def test_the_labs_own_index_is_read_as_it_stands():
    found = runbooks_by_code(REPOSITORY)
    assert runbook_of("OPS-FILL-UNTOLD", found) == "docs/runbooks/user-stream.md"
    assert [page for page in found.values() if not (REPOSITORY / page).is_file()] == []


@pytest.mark.parametrize("content", [None, b"", b"\xff| `OPS-X-Y |\n", b"|"])
def test_an_index_that_says_nothing_names_no_page(tmp_path, content):
    if content is not None:
        (tmp_path / "docs/runbooks").mkdir(parents=True)
        (tmp_path / INDEX).write_bytes(content)
    assert runbooks_by_code(tmp_path) == {}


def test_a_failed_drill_without_a_runbook_leads_to_that_of_its_code(world):
    write_index(world)
    checks = [
        {"check": name, "phase": "verify", "result": result, "code": code, "details": "d"}
        for name, result, code in (("a", "fail", "OPS-A-ONE"), ("b", "pass", "OPS-A-TWO"))
    ]
    found = told(world, row("d", "fail", **world.keep("d", checks=checks)))
    assert found == [("OPS-A-ONE", "../../docs/runbooks/a-page.md", "docs/runbooks/a-page.md")]


def test_without_a_report_the_message_names_the_code(world):
    write_index(world)
    assert [code for code, _, _ in told(world, row("d", "unknown", message="OPS-NO-CHECK: none"))] == ["OPS-NO-CHECK"]


def test_in_a_lab_without_documents_code_and_page_are_named(world):
    assert told(world, row("d", "fail", message="OPS-X-Y: z: bad")) == [("OPS-X-Y", None, INDEX)]


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"message": "OPS-FILL-UNTOLD: z: bad"}, "tc runbook OPS-FILL-UNTOLD"),
        ({"message": "OPS-NO-CHECK: none"}, "tc runbook OPS-NO-CHECK"),
        ({"runbook": "docs/runbooks/user-stream.md"}, "tc runbook user-stream"),
        ({"message": "OPS-X-Y: nobody knows"}, None),
    ],
)
def test_in_a_lab_without_documents_a_command_shows_the_page(world, changes, command):
    page = render_page(session(row("d", "fail", **changes)), world.places).decode()
    assert re.findall(r"<code>(tc runbook [^<]*)</code>", page) == ([command] if command else [])


def test_where_the_page_lies_in_the_lab_no_command_is_named(world):
    write_index(world)
    assert "tc runbook" not in render_page(session(row("d", "fail", message="OPS-A-ONE: a")), world.places).decode()


@pytest.mark.parametrize(
    "changes",
    [{"outcome": "pass"}, {"outcome": "known_defect"}, {"outcome": "fail", "runbook": "books/mine.md"}],
)
def test_a_drill_with_its_own_page_or_nothing_to_do_names_no_code(world, changes):
    write_index(world)
    assert [code for code, _, _ in told(world, row(message="OPS-A-ONE: a: b", **changes)) if code] == []
