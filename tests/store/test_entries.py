"""``verify`` waits for nothing, and one break hides no other."""

from __future__ import annotations

import os

import pytest

from opslab.clock import SystemClock
from opslab.errors import StoreError
from opslab.runs.finish import problems_of
from opslab.store.lock import is_alive
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

SEALED = ["run_spec.yaml", "metadata.json", "journal.jsonl", "metrics.json", "report.md", "events.jsonl", "views.jsonl"]


def found(bundle: Bundle) -> dict[str, str]:
    told: dict[str, str] = {}
    for problem in problems_of(Bundle(bundle.path)):
        told[problem.path] = f"{told.get(problem.path, '')}{problem.what}; "
    return told


@pytest.mark.parametrize("name", [*SEALED, "manifest.json", "post.jsonl", "run.lock", "drills/golden-drill.json", "x"])
@pytest.mark.parametrize(
    ("make", "what"), [(os.mkfifo, "is not a regular file"), (os.mkdir, "is a directory")], ids=["pipe", "directory"]
)
def test_what_is_no_file_is_named_and_not_waited_for(golden, name, make, what):
    bundle = golden()
    (bundle.path / name).unlink(missing_ok=True)
    make(bundle.path / name)
    told = found(bundle)[name]
    assert what in told
    assert "is missing" not in told
    assert what != "is not a regular file" or not is_alive(bundle.path)


@pytest.mark.parametrize("name", ["extra", "drills/extra", "deep/er"])
def test_an_extra_empty_directory_is_named(golden, name):
    bundle = golden("completed")
    (bundle.path / name).mkdir(parents=True)
    assert found(bundle)[name] == "is a directory that holds nothing; "


@pytest.mark.parametrize("name", ["drills", "reconciliation"])
def test_the_place_of_later_reports_may_be_empty(golden, name):
    bundle = golden("completed")
    (bundle.path / name).mkdir()
    assert name not in found(bundle)


@pytest.mark.parametrize("lost", ["journal.jsonl", "run_spec.yaml"])
def test_without_a_fact_the_sealed_digests_are_still_compared(golden, lost):
    bundle = golden()
    (bundle.path / lost).unlink()
    for name in ("events.jsonl", "metrics.json"):
        (bundle.path / name).write_bytes((bundle.path / name).read_bytes().replace(b"0", b"1", 1))
    told = found(bundle)
    assert set(told) == {lost, "events.jsonl", "metrics.json"}
    assert "digest differs" in told["events.jsonl"]


def test_without_the_manifest_the_journals_digests_are_still_compared(golden):
    bundle = golden()
    (bundle.path / "manifest.json").unlink()
    for name in ("events.jsonl", "drills/golden-drill.json"):
        (bundle.path / name).write_bytes((bundle.path / name).read_bytes().replace(b"0", b"1", 1))
    told = found(bundle)
    assert set(told) == {"manifest.json", "post.jsonl", "events.jsonl", "drills/golden-drill.json"}
    assert told["events.jsonl"] == "is not the event stream that the journal names (digest differs); "


def test_an_event_stream_of_another_run_is_named_though_it_was_sealed(golden):
    bundle = golden("completed")
    (bundle.path / "events.jsonl").write_bytes(b"")
    BundleWriter(bundle.path, SystemClock()).seal()
    assert found(bundle) == {"events.jsonl": "is not the event stream that the journal names (digest differs); "}


def test_a_file_that_cannot_be_read_hides_no_other(golden, monkeypatch):
    bundle = golden("completed")
    for name in ("events.jsonl", "views.jsonl"):
        (bundle.path / name).write_bytes(b"")
    read = Bundle.read

    def refuse(self, name):
        if name == "events.jsonl":
            raise StoreError("cannot be read: Permission denied", where=name)
        return read(self, name)

    monkeypatch.setattr(Bundle, "read", refuse)
    told = found(bundle)
    assert set(told) == {"events.jsonl", "views.jsonl"}
    assert "Permission denied" in told["events.jsonl"]
