"""A run's life: every end is recorded, rendered and sealed."""

from __future__ import annotations

import errno
import json
import os

import pytest

from opslab.contract.encoding import sha256_hex
from opslab.errors import EngineError, RunExistsError, StoreError
from opslab.runs import backtest
from opslab.runs.finish import problems_of
from opslab.store import durable
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter


def listed(path):
    return sorted(entry.name for entry in path.iterdir())


def names(bundle):
    return [event["event"] for event in bundle.journal]


def test_a_completed_run(run):
    bundle = run()
    assert names(bundle) == ["run_started", "backtest_started", "backtest_completed", "run_completed"]
    assert bundle.metadata.status == "completed"
    assert problems_of(bundle) == []
    assert {path.name for path in bundle.path.iterdir()} == {
        *("run_spec.yaml", "metadata.json", "journal.jsonl", "metrics.json", "report.md"),
        *("events.jsonl", "views.jsonl", "manifest.json", "run.lock"),
    }


def test_the_spec_is_copied_byte_by_byte(run, spec_file):
    assert run().read("run_spec.yaml") == spec_file.content


def test_an_effective_id_keeps_the_specs_own(run, spec_file):
    bundle = run("other-id", "20260101t000000z-0000")
    assert bundle.metadata.run_id == "other-id"
    assert bundle.metadata.spec_run_id == spec_file.spec.run_id
    assert bundle.metadata.session_id == "20260101t000000z-0000"
    assert bundle.metadata.config_sha256 == spec_file.spec.config_sha256()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineError("it stopped", fix="look"), "it stopped; look"),
        (ValueError("multi\nline"), "ValueError: multi\\nline"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_whatever_is_raised_the_run_fails_and_is_sealed(run, engine, error, told):
    engine.raises = error
    bundle = run()
    assert names(bundle) == ["run_started", "backtest_started", "run_failed"]
    assert (bundle.metadata.status, bundle.metadata.error, bundle.metadata.failure_reason) == ("failed", told, "error")
    assert bundle.metrics.status == "failed"
    assert problems_of(bundle) == []


def test_what_was_counted_before_a_failure_is_kept(run, engine):
    engine.raises = EngineError("it stopped")
    engine.raises.partial = engine.__class__.__call__(engine.__class__())
    bundle = run()
    assert bundle.metrics.orders_submitted == 2
    assert bundle.metadata.event_stream.events == 40
    assert bundle.has("events.jsonl")
    assert problems_of(bundle) == []


@pytest.mark.parametrize(
    ("stop", "by"),
    [
        (KeyboardInterrupt(), "Ctrl-C"),
        (SystemExit(143), "SIGTERM"),
        (SystemExit(134), "SIGABRT"),
        (SystemExit(2), "SystemExit"),
        (SystemExit("enough"), "SystemExit"),
        (SystemExit(), "SystemExit"),
    ],
)
def test_a_run_that_is_stopped_is_closed_and_the_stop_goes_on(run, engine, lab, stop, by):
    engine.raises = stop
    with pytest.raises(type(stop)):
        run()
    bundle = Bundle(lab.runs / "r1")
    assert (bundle.metadata.status, bundle.metadata.failure_reason) == ("failed", "interrupted")
    assert bundle.metadata.error == f"stopped by {by}"
    assert problems_of(bundle) == []


def test_a_running_run_has_its_metadata(run, engine, lab):
    seen = {}

    def look():
        seen.update(json.loads((lab.runs / "r1" / "metadata.json").read_bytes()))
        raise EngineError("enough")

    engine.__class__ = type("Looking", (), {"__call__": lambda self, **_: look()})
    run()
    assert seen["status"] == "running"
    assert seen["lifecycle"] == "backtest_nautilus_smoke"
    assert seen["engine_execution"]["status"] == "running"
    assert "completed_at_utc" not in seen


def test_a_run_has_its_metadata_before_its_data_is_loaded(run, lab, monkeypatch):
    seen = []
    monkeypatch.setattr(backtest, "_execute", lambda *_: seen.append(Bundle(lab.runs / "r1").metadata.status))
    run()
    assert seen == ["running"]


def test_a_second_run_of_an_id_is_told_and_changes_nothing(run):
    before = run().read("journal.jsonl")
    with pytest.raises(RunExistsError):
        run()
    assert run("r2").metadata.status == "completed"
    assert Bundle(run("r3").path.with_name("r1")).read("journal.jsonl") == before


def test_init_and_run_of_one_id_exclude_each_other(lab, spec_file, run, clock):
    bundle = backtest.initialize(lab, spec_file, clock)
    assert names(bundle) == ["run_initialized"]
    assert bundle.metadata.status == "initialized"
    assert bundle.journal[0]["spec_path"] == str(spec_file.path)
    assert listed(bundle.path) == ["journal.jsonl", "metadata.json", "run.lock", "run_spec.yaml"]
    with pytest.raises(RunExistsError):
        run(spec_file.spec.run_id)
    with pytest.raises(RunExistsError):
        backtest.initialize(lab, spec_file, clock)


def test_a_disk_that_is_full_from_some_step_on_loses_nothing_acknowledged(lab, run, monkeypatch):
    acknowledged: list[str] = []
    append = BundleWriter.append
    monkeypatch.setattr(
        BundleWriter, "append", lambda self, event: (append(self, event), acknowledged.append(event.event))
    )
    fsync = os.fsync
    for step in range(1, 60):
        room = iter(range(step))

        def full(number, room=room):
            if next(room, None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fsync(number)

        acknowledged.clear()
        with monkeypatch.context() as patch:
            patch.setattr(durable.os, "fsync", full)
            try:
                done = run(f"r{step}")
            except StoreError:
                done = None
        bundle = Bundle(lab.runs / f"r{step}")
        if bundle.path.exists():
            assert bundle.journal_chain.problems == ()
            assert names(bundle)[: len(acknowledged) + 1] == ["run_started", *acknowledged]
        if done is not None and done.metadata.status == "completed":
            break
    else:
        pytest.fail("no run ever came to its end")
    assert step > 10


def test_the_views_are_those_that_the_journal_names(run, clock):
    bundle = run()
    (told,) = [event["views_sha256"] for event in bundle.journal if event["event"] == "backtest_completed"]
    assert told == sha256_hex(bundle.read("views.jsonl"))
    assert problems_of(bundle) == []
    (bundle.path / "views.jsonl").write_bytes(b'{"view":"another"}\n')
    BundleWriter(bundle.path, clock).seal()
    (problem,) = problems_of(Bundle(bundle.path))
    assert (problem.path, problem.what) == ("views.jsonl", "is not what the journal names (digest differs)")
