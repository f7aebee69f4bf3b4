"""``tc runbook`` shows the page of a code, of a name, or of the path that reports name."""

from __future__ import annotations

import json
import os
import re

import pytest

from opslab.report.runbooks import LARGEST, find_runbook, hint
from opslab.samples import runbook_pages


@pytest.mark.parametrize("asked", ["OPS-FILL-UNTOLD", "user-stream", "docs/runbooks/user-stream.md"])
def test_a_lab_without_documents_gets_the_page_that_ops_lab_brings(command, place, asked):
    told = command("runbook", asked)
    assert told.code == 0
    assert told.out == (runbook_pages() / "user-stream.md").read_text().splitlines()


def test_every_code_of_the_index_has_a_page_that_names_it(tmp_path):
    codes = set(re.findall(r"`(OPS-[A-Z0-9-]+)`", (runbook_pages() / "index.md").read_text()))
    assert len(codes) > 50
    for code in codes:
        assert code in find_runbook(tmp_path, code).text


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("OpsLabFeedStale", "market-data"),
        ("opslabfeedstale", "market-data"),
        ("OpsLabDrillOverdue", "alerts"),
        ("OpsLabDrillFailed", "index"),
        ("ops-fill-untold", "user-stream"),
    ],
)
def test_an_alert_leads_to_its_page_and_case_does_not_matter(command, place, asked, page):
    told = command("runbook", asked)
    assert (told.code, told.out) == (0, (runbook_pages() / f"{page}.md").read_text().splitlines())


def test_every_alert_has_a_page(tmp_path):
    alerts = set(re.findall(r"`(OpsLab\w+)`", (runbook_pages() / "alerts.md").read_text()))
    assert len(alerts) > 10
    assert all(find_runbook(tmp_path, alert).text for alert in alerts)


def test_a_page_of_the_labs_own_may_look_like_a_code(command, place):
    home = place / "docs/runbooks"
    home.mkdir(parents=True)
    (home / "ops-fill-untold.md").write_text("# Ours\n")
    assert command("runbook", "ops-fill-untold").out == ["# Ours"]
    assert command("runbook", "ops-no-check").out[0] == "# OPS-NO-CHECK"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda page: page.symlink_to("/etc/hostname"), "is a symlink"),
        (lambda page: page.symlink_to("nowhere"), "is a symlink"),
        (os.mkfifo, "is not a regular file"),
        (os.mkdir, "is a directory"),
        (lambda page: page.write_bytes(b"x" * (LARGEST + 1)), "is larger than 1 MiB"),
    ],
    ids=["symlink", "dangling", "pipe", "directory", "large"],
)
@pytest.mark.parametrize("name", ["user-stream", "index"])
def test_an_own_page_that_cannot_be_read_is_one_error_with_its_remedy(command, place, make, why, name):
    page = place / "docs/runbooks" / f"{name}.md"
    page.parent.mkdir(parents=True)
    make(page)
    told = command("runbook", name)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert why in told.err[0]
    assert "make it a readable file of Markdown, or remove it" in told.err[0]
    assert command("runbook", "OPS-NO-CHECK").code == 0


def test_a_page_of_the_largest_size_is_shown(command, place):
    page = place / "docs/runbooks/ours.md"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"x" * LARGEST)
    assert command("runbook", "ours").out == ["x" * LARGEST]


def test_a_code_that_no_page_explains_gets_its_row(command, place):
    told = command("runbook", "OPS-NO-CHECK")
    assert told.out[0] == "# OPS-NO-CHECK"
    assert "the drill asked no check" in told.out


def test_the_labs_own_page_comes_first(command, place):
    home = place / "docs/runbooks"
    home.mkdir(parents=True)
    (home / "index.md").write_text("| `OPS-FILL-UNTOLD`, `OPS-OUR-OWN` | lost | [Ours](ours.md) |\n")
    (home / "ours.md").write_text("# Call the desk\n")
    for asked in ("OPS-FILL-UNTOLD", "OPS-OUR-OWN", "ours"):
        assert command("runbook", asked).out == ["# Call the desk"]
    assert command("runbook", "OPS-NO-CHECK").code == 0
    assert json.loads("\n".join(command("runbook", "ours", "--json").out))["path"] == str(home / "ours.md")


@pytest.mark.parametrize(
    "asked", ["OPS-NOT-THERE", "../../etc/passwd", "/etc/passwd", "", "a\nb", "x" * 300, "ops-lab"]
)
def test_what_is_none_is_one_error(command, place, asked):
    told = command("runbook", asked)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert "`tc runbook` shows the index" in told.err[0]


@pytest.mark.parametrize(
    ("runbook", "message", "expected"),
    [
        (None, "OPS-FILL-UNTOLD: x: bad", "`tc runbook OPS-FILL-UNTOLD`"),
        (None, "OPS-OF-MINE: x; OPS-NO-CHECK: y", "`tc runbook OPS-NO-CHECK`"),
        (None, "OPS-OF-MINE: x: bad", ""),
        (None, "it broke", ""),
        ("docs/runbooks/user-stream.md", "OPS-NO-CHECK: y", "`tc runbook user-stream`"),
        ("docs/mine.md", "OPS-NO-CHECK: y", "docs/mine.md"),
        ("https://example.org/user-stream.md", "", "https://example.org/user-stream.md"),
        ("docs/\0", "", "docs/\0"),
    ],
)
def test_the_hint_of_a_drill(tmp_path, runbook, message, expected):
    assert hint(tmp_path, runbook, message) == expected


def test_a_page_that_lies_in_the_lab_is_named_as_it_is(tmp_path):
    (tmp_path / "docs/runbooks").mkdir(parents=True)
    (tmp_path / "docs/runbooks/user-stream.md").write_text("# Ours\n")
    assert hint(tmp_path, "docs/runbooks/user-stream.md", "") == "docs/runbooks/user-stream.md"
