"""One broken bundle costs only itself, whatever is in it, and is counted."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.report.metrics.exposition import Format

if TYPE_CHECKING:
    from pathlib import Path

CORE = ("backtest", "nautilus", "binance", "BTCUSDT")
FILES = ("metadata.json", "metrics.json", "journal.jsonl", "connectivity_probe.json", "reconciliation_result.json")
DEEP = '{"x":' + "[" * 100_000


def as_directory(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def as_symlink(path: Path) -> None:
    """A link to what would be fine as a file."""
    target = path.parents[2] / "target"
    if path.exists():
        path.rename(target)
    else:
        target.write_text("{}")
    path.symlink_to(target)


def as_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def as_content(content: bytes):
    return lambda path: path.write_bytes(content)


BREAKS = {
    "directory": as_directory,
    "symlink": as_symlink,
    "pipe": as_pipe,
    "list": as_content(b"[]\n"),
    "truncated": as_content(b'{"run_id": "bro\n'),
    "latin": as_content(b'{"run_id": "broken", "status": "completed", "event": "\xe9"}\n'),
    "utf16": as_content('{"event": "x"}\n'.encode("utf-16")),
    "nan": as_content(b'{"event": NaN, "status": NaN, "latency_ms": NaN, "bars_seen": NaN}\n'),
    "deep": as_content(DEEP.encode() + b"\n"),
    "types": as_content(b'{"event": 5, "run_id": 5, "status": [], "bars_seen": "x"}\n'),
    "other run": as_content(b'{"run_id": "other", "status": "completed", "drill_name": "d"}\n'),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_file_costs_only_itself_and_is_counted(place, file, name):
    place.run("good")
    path = place.run("broken")
    alone = place.of_run("good")
    BREAKS[name](path / file)
    found = place.samples()
    assert {key: value for key, value in found.items() if key[1:2] == ("good",)} == alone
    assert found["bundles_unreadable",] == 1
    assert found["bundle_files_unreadable", file] == 1
    assert any(key[:2] == ("run_info", "broken") for key in found) == (file != "metadata.json")
    assert [line for line in place.told if f"broken/{file}" in line]
    assert all(line.isprintable() for line in place.told)


@pytest.mark.parametrize("file", [*FILES[:3], "drills/d.json"])
def test_an_empty_file_costs_only_itself(place, file):
    place.run("good")
    place.run("broken")
    place.write(f"broken/{file}", b"")
    found = place.samples()
    assert found["run_info", "good", *CORE, "completed", "sample", "false", "true"] == 1
    assert found["bundles_unreadable",] == 1


def test_metadata_that_cannot_be_read_are_made_up_for_by_the_journal(place):
    place.started("r1", "run_failed")
    place.write("r1/metadata.json", b"{")
    found = place.samples()
    assert found["run_status", "r1", *CORE, "failed"] == 3
    assert found["bundles_unreadable",] == 1


@pytest.mark.parametrize("missing", ["metadata.json", "metrics.json", "journal.jsonl"])
def test_a_missing_file_of_a_completed_run_is_counted(place, missing):
    (place.run("r1") / missing).unlink()
    found = place.samples()
    assert (found["bundles_unreadable",], found["bundle_files_unreadable", missing]) == (1, 1)


def test_names_with_newlines_and_quotes_are_escaped(place, parse):
    hostile = 'x"} 1\nforged{a="\\'
    place.run(hostile)
    place.run("good")
    text = place.text()
    assert not any(line.startswith("forged") for line in text.splitlines())
    assert parse(text)["run_info", hostile, *CORE, "completed", "sample", "false", "true"] == 1


def test_a_name_that_is_not_utf8_is_counted_and_told_in_printable_words(place):
    place.run("good")
    os.mkdir(os.fsencode(place.runs) + b"/\xff\xfe")  # noqa: PTH102 - pathlib takes no bytes
    found = place.samples()
    assert found["bundles_unreadable",] == 1
    assert any(key[:2] == ("run_info", "good") for key in found)
    assert all(line.isprintable() for line in place.told)


def test_symlinks_are_not_followed(place, tmp_path):
    place.run("good")
    shutil.move(place.run("elsewhere"), tmp_path / "elsewhere")
    (place.runs / "elsewhere").symlink_to(tmp_path / "elsewhere")
    shutil.move(place.run("drilled"), tmp_path / "drilled")
    place.run("drilled")
    (tmp_path / "drilled" / "d.json").write_text('{"drill_name":"d"}')
    (place.runs / "drilled" / "drills").symlink_to(tmp_path / "drilled")
    found = place.samples()
    assert not any("elsewhere" in key for key in found)
    assert not any(key[0].startswith("failure_drill") for key in found)
    assert found["bundles_unreadable",] == 2


def test_files_and_hidden_directories_beside_the_runs_are_no_runs(place):
    place.write("README.md", "x")
    place.write(".staging-abc/metadata.json", "{")
    assert place.samples()["bundles_unreadable",] == 0


def test_a_copied_bundle_does_not_show_the_same_run_twice(place):
    shutil.copytree(place.run("r1"), place.runs / "copy")
    found = place.samples()
    assert sum(key[0] == "run_info" for key in found) == 1
    assert found["bundles_unreadable",] == 1


def test_a_lock_that_is_a_pipe_does_not_hold_up_the_scrape(place):
    os.mkfifo(place.started("r1") / "run.lock")
    assert place.samples()["runs", "orphaned"] == 1


def test_a_huge_file_is_not_read(place):
    with place.write("r1/metadata.json", "{").open("r+b") as file:
        file.truncate(1 << 40)
    assert place.samples()["bundle_files_unreadable", "metadata.json"] == 1


@pytest.mark.parametrize("number", ["-1", "1e999", "9" * 30, "9" * 5000, "true", '"5"', "1.5"])
def test_numbers_that_are_no_counts_are_malformed(place, number):
    place.run("r1")
    place.write("r1/metrics.json", f'{{"run_id": "r1", "bars_processed": {number}}}')
    found = place.samples()
    assert found["bundles_unreadable",] == 1
    assert not any(key[0] == "backtest_bars_processed_total" for key in found)


def test_a_problem_is_told_once_and_again_when_it_comes_back(place):
    place.run("r1")
    place.write("r1/metrics.json", "{")
    place.samples()
    place.samples()
    assert len(place.told) == 1
    place.run("r1")
    place.samples()
    place.write("r1/metrics.json", "{")
    place.samples()
    assert len(place.told) == 2


def test_many_problems_are_told_in_bounded_words(place):
    for number in range(150):
        (place.runs / f"b{number}").mkdir()
    text = place.text()
    assert len(place.told) == 21
    assert "# and 200 more" in text
    assert "tradingchassis_ops_lab_bundles_unreadable 150" in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "run_id",
        "status",
        "schema_version",
        "bars_seen",
        "latency_ms",
        "safety",
        "data",
        "created_at_utc",
        "event",
        "summary",
        "pass",
        "drill_name",
    ]
)
CONTENT = st.binary(max_size=60) | st.dictionaries(FIELDS, JSON | st.just("bad"), max_size=5)
NAMES = st.sampled_from(
    [*FILES, "post.jsonl", "connectivity_readiness.json", "drills/d.json", "drills/e.json", "drills", "run.lock"]
)


@given(st.dictionaries(NAMES, CONTENT | st.sampled_from(["directory", "symlink", "pipe"]), max_size=6))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_a_bundle_holds_every_other_run_is_still_there(new_place, parse, contents):
    place = new_place()
    place.run("good")
    alone = place.of_run("good")
    (place.runs / "bad").mkdir()
    for name, content in contents.items():
        target = place.runs / "bad" / name
        if target.parent.is_dir() and not target.parent.is_symlink():
            pass
        elif name.startswith("drills/") and not target.parent.exists():
            target.parent.mkdir()
        else:
            continue
        if target.exists() or target.is_symlink():
            continue
        BREAKS[content](target) if isinstance(content, str) else place.write(f"bad/{name}", content)
    found = place.samples()
    assert {key: value for key, value in found.items() if key[1:2] == ("good",)} == alone
    assert place.text(Format.OPENMETRICS).endswith("# EOF\n")
    has_run = any(key[:2] == ("run_info", "bad") for key in found)
    assert has_run or found["bundles_unreadable",] == 1
