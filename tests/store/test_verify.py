"""``verify`` names everything that is wrong with a bundle, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import opslab.runs.finish
from opslab.contract.encoding import compact_json, pretty_json
from opslab.runs.finish import problems_of
from opslab.store.integrity import verify
from opslab.store.lock import Lock
from opslab.store.reader import Bundle, list_bundles

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles"
NAMES = ["completed", "drilled", "failed", "interrupted"]


def found(bundle: Bundle) -> dict[str, str]:
    told: dict[str, str] = {}
    for problem in problems_of(Bundle(bundle.path)):
        assert "\n" not in problem.what
        told[problem.path] = f"{told.get(problem.path, '')}{problem.what}; "
    return told


def rewrite(path: Path, change) -> None:
    """Change a journal's events and chain it anew, as somebody who hides a change would."""
    before, lines = json.loads(path.read_bytes().splitlines()[0])["prev_sha256"], []
    for number, event in enumerate(change([json.loads(line) for line in path.read_bytes().splitlines()]), 1):
        line = compact_json({**event, "seq": number, "prev_sha256": before})
        before = hashlib.sha256(line.encode()).hexdigest()
        lines.append(line + "\n")
    path.write_text("".join(lines))


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_bundle_has_no_problem(golden, name):
    assert found(golden(name)) == {}


def test_every_golden_bundle_is_known_here():
    assert [bundle.run_id for bundle in list_bundles(GOLDEN / "v1-lab-0.9")] == NAMES


def test_golden_bundles_say_nothing_about_the_machine_that_made_them():
    for path in (GOLDEN / "v1-lab-0.9").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b'"/' not in content
        assert os.fsencode(Path.home()) not in content or Path.home() == Path("/")


@pytest.mark.parametrize("bundle", ["earlier-backtest", "earlier-paper"])
def test_a_bundle_of_the_earlier_lab_can_be_read_and_not_verified(tmp_path, bundle):
    shutil.copytree(GOLDEN / "v1-lab-0.8" / bundle, tmp_path / bundle)
    told = found(Bundle(tmp_path / bundle))
    assert "has no hash chain" in told["journal.jsonl"]
    assert told["manifest.json"] == "is missing; "


SEALED = ["run_spec.yaml", "metadata.json", "journal.jsonl", "metrics.json", "report.md", "events.jsonl", "views.jsonl"]


@pytest.mark.parametrize("name", [*SEALED, "manifest.json", "post.jsonl", "drills/golden-drill.json"])
def test_a_missing_file_is_named(golden, name):
    bundle = golden()
    (bundle.path / name).unlink()
    assert "is missing" in found(bundle)[name]


@pytest.mark.parametrize(
    "name", ["extra.txt", "deep/extra.txt", "drills/other.json", "drills/notes.txt", "drills/a/b.json"]
)
def test_a_file_that_nobody_recorded_is_named(golden, name):
    bundle = golden()
    (bundle.path / name).parent.mkdir(exist_ok=True)
    (bundle.path / name).write_text("{}")
    assert set(found(bundle)) == {name}


@pytest.mark.parametrize("name", [*SEALED, "manifest.json", "post.jsonl", "drills/golden-drill.json", "extra"])
def test_a_symlink_is_named(golden, tmp_path, name):
    bundle = golden()
    if (bundle.path / name).exists():
        shutil.move(bundle.path / name, tmp_path / "moved")
    (bundle.path / name).symlink_to(tmp_path / "moved")
    assert "is a symlink" in found(bundle)[name]


@pytest.mark.parametrize("name", ["metadata.json", "metrics.json", "report.md", "events.jsonl", "views.jsonl"])
def test_a_changed_file_is_named(golden, name):
    bundle = golden("completed")
    path = bundle.path / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    assert set(found(bundle)) == {name}
    assert "digest differs" in found(bundle)[name]


def test_a_changed_spec_is_named(golden):
    bundle = golden("completed")
    path = bundle.path / "run_spec.yaml"
    path.write_bytes(path.read_bytes().replace(b"seed: 7", b"seed: 8"))
    assert "config_sha256 differs" in found(bundle)["run_spec.yaml"]
    path.write_bytes(b"\xff")
    assert "is not UTF-8" in found(bundle)["run_spec.yaml"]


def test_a_journal_of_another_run_is_named(golden):
    bundle, other = golden("completed"), golden("failed")
    shutil.copy(other.path / "journal.jsonl", bundle.path / "journal.jsonl")
    assert "line 1 is of another run ('failed')" in found(bundle)["journal.jsonl"]


def test_a_bundle_under_another_name_is_named(golden):
    bundle = golden("completed")
    bundle.path.rename(bundle.path.with_name("renamed"))
    told = found(Bundle(bundle.path.with_name("renamed")))
    assert set(told) == {"journal.jsonl", "manifest.json", "metadata.json", "metrics.json"}
    assert all("is of another run ('completed')" in what for what in told.values())


def test_a_missing_terminal_event_is_named(golden):
    bundle = golden("completed")
    rewrite(bundle.path / "journal.jsonl", lambda events: events[:-1])
    told = found(bundle)["journal.jsonl"]
    assert "has no terminal event (`tc run recover`" in told
    assert "has 3 lines, 4 were sealed (cut tail)" in told


def test_a_living_run_is_said_to_be_going_on(golden):
    bundle = golden("completed")
    rewrite(bundle.path / "journal.jsonl", lambda events: events[:-1])
    lock = Lock(bundle.path / "run.lock")
    assert lock.acquire()
    assert "still going on" in found(bundle)["journal.jsonl"]
    lock.release()


def test_a_journal_that_goes_on_after_its_end_is_named(golden):
    bundle = golden("completed")
    rewrite(bundle.path / "journal.jsonl", lambda events: [*events, events[1]])
    told = found(bundle)["journal.jsonl"]
    assert "goes on after its terminal event in line 4" in told
    assert "only 4 were sealed" in told


def test_a_journal_that_was_chained_anew_is_named(golden):
    bundle = golden("completed")
    rewrite(bundle.path / "journal.jsonl", lambda events: [{**events[0], "python_version": "9"}, *events[1:]])
    assert "does not end in the line that was sealed" in found(bundle)["journal.jsonl"]


@pytest.mark.parametrize(
    "change",
    [{"config_sha256": []}, {"run_id": {}}, {"event": []}, {"lab": 3}, {"inputs": 3}, {"ts_utc": 3}, {"mode": None}],
)
def test_an_event_that_is_none_is_a_problem_and_no_crash(golden, change):
    bundle = golden("completed")
    rewrite(bundle.path / "journal.jsonl", lambda events: [{**events[0], **change}, *events[1:]])
    assert "line 1 " in found(bundle)["journal.jsonl"] or change == {"event": []}
    assert found(bundle)["journal.jsonl"]


def test_a_digest_that_was_changed_in_the_manifest_is_named(golden):
    bundle = golden("completed")
    path = bundle.path / "manifest.json"
    raw = json.loads(path.read_bytes())
    raw["created_at_utc"] = "2026-11-20T09:00:00.000000Z"
    path.write_bytes(pretty_json(raw))
    assert "its own digest differs" in found(bundle)["manifest.json"]


def test_a_manifest_of_another_spelling_is_named(golden):
    bundle = golden("completed")
    path = bundle.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes())))
    assert found(bundle) == {"manifest.json": "is not written as the lab writes it; "}


def test_a_broken_post_chain_is_named(golden):
    bundle = golden()
    path = bundle.path / "post.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"pass"', b'"outcome":"fail"'))
    assert set(found(bundle)) == {"post.jsonl"}


def test_a_post_file_of_another_bundle_is_named(golden):
    bundle, other = golden("completed"), golden("drilled")
    shutil.copy(other.path / "post.jsonl", bundle.path / "post.jsonl")
    told = found(bundle)["post.jsonl"]
    assert "line 1 does not follow" in told
    assert "line 1 is of another run" in told


@pytest.mark.parametrize("kept", [0, 1])
def test_a_cut_post_tail_is_named(golden, kept):
    bundle = golden()
    line = (bundle.path / "post.jsonl").read_bytes()
    (bundle.path / "post.jsonl").write_bytes(line * kept)
    rewrite(bundle.path / "post.jsonl", lambda events: events * 2) if kept else None
    assert "metadata.json tells of 1" in found(bundle)["post.jsonl"]


def test_a_post_file_that_is_gone_with_its_reports_is_named(golden):
    bundle = golden()
    (bundle.path / "post.jsonl").unlink()
    shutil.rmtree(bundle.path / "drills")
    assert "is missing, 1 lines were told" in found(bundle)["post.jsonl"]


def test_an_altered_drill_report_is_named(golden):
    bundle = golden()
    path = bundle.path / "drills" / "golden-drill.json"
    path.write_bytes(path.read_bytes().replace(b"true", b"null"))
    assert found(bundle) == {"drills/golden-drill.json": "is not the report that was recorded (digest differs); "}


@pytest.mark.parametrize("name", ["metadata.json", "report.md"])
def test_a_rendering_that_differs_from_the_facts_is_named(golden, name):
    bundle = golden()
    path = bundle.path / name
    path.write_bytes(path.read_bytes().replace(b"ops_round_trip", b"ops_other_trip"))
    assert found(bundle) == {name: "is not what the facts say (rendered again, it differs); "}


def test_renderings_of_another_version_are_not_made_again(golden, monkeypatch):
    monkeypatch.setattr(opslab.runs.finish, "__version__", "99.0")
    bundle = golden()
    path = bundle.path / "report.md"
    path.write_bytes(path.read_bytes() + b"worded otherwise\n")
    assert found(bundle) == {}


def test_what_a_crash_left_half_written_is_no_evidence(golden):
    bundle = golden()
    (bundle.path / ".staging-12345678-metadata.json").write_text("{")
    assert found(bundle) == {}


@pytest.mark.parametrize(
    "name", ["metadata.json", "metrics.json", "manifest.json", "journal.jsonl", "drills/golden-drill.json"]
)
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 5000, b"\xff", b'{"schema_version":"v2"}'])
def test_any_file_of_garbage_is_a_problem_and_no_crash(golden, name, content):
    bundle = golden()
    (bundle.path / name).write_bytes(content)
    assert name in found(bundle)


def test_a_renderer_that_trips_is_a_problem_and_no_crash(golden):
    def trip(_bundle):
        raise ZeroDivisionError("oh")

    (problem,) = verify(golden("completed"), {"report.md": trip})
    assert (problem.path, problem.what) == ("report.md", "cannot be judged: ZeroDivisionError: oh")


def damaged(content: bytes, kind: str, at: int, added: bytes) -> bytes:
    at %= len(content)
    if kind == "flip":
        return content[:at] + bytes([content[at] ^ (added[0] or 1)]) + content[at + 1 :]
    if kind == "cut":
        return content[:at]
    if kind == "drop":
        return content[:at] + content[at + 1 + len(added) :]
    return content[:at] + added + content[at:]


@given(
    st.sampled_from(["completed", "drilled"]),
    st.integers(0, 10),
    st.sampled_from(["flip", "cut", "drop", "insert"]),
    st.integers(0, 2**31),
    st.binary(min_size=1, max_size=8),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_one_change_of_a_sealed_bundle_is_reported(golden, name, index, kind, at, added):
    bundle = golden(name)
    files = sorted(path for path in bundle.path.rglob("*") if path.is_file() and path.stat().st_size)
    path = files[index % len(files)]
    before = path.read_bytes()
    path.write_bytes(damaged(before, kind, at, added))
    assert before == path.read_bytes() or problems_of(Bundle(bundle.path))


def test_a_lock_file_with_content_is_named(golden):
    bundle = golden()
    (bundle.path / "run.lock").write_text("hidden")
    assert found(bundle) == {"run.lock": "is not empty; "}
