"""Says everything that is wrong with a bundle: files, links, digests, the terminal event, and renderings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from opslab.contract.base import sha256_hex
from opslab.contract.events import EVENTS, TERMINAL_EVENTS
from opslab.errors import OpsLabError
from opslab.store import layout
from opslab.store.lock import is_alive
from opslab.store.writer import sealed_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opslab.store.reader import Bundle

REQUIRED = (layout.RUN_SPEC, layout.METADATA, layout.JOURNAL, layout.METRICS, layout.REPORT, layout.MANIFEST)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: the file, below the bundle.
        what: one line.
    """

    path: str
    what: str


def verify(bundle: Bundle, renderers: Mapping[str, Callable[[Bundle], bytes]]) -> list[Problem]:
    """Return every problem of ``bundle``; an empty list means that nothing was changed since the run ended.

    Args:
        bundle: the bundle.
        renderers: for each rendered file, the function that makes it again from the facts.
    """
    problems = [Problem(name, "is missing") for name in REQUIRED if not bundle.has(name)]
    problems += _symlinks(bundle)
    if bundle.has(layout.JOURNAL):
        problems += _guarded(layout.JOURNAL, _journal_problems, bundle)
    if bundle.has(layout.MANIFEST) and bundle.has(layout.JOURNAL):
        problems += _guarded(layout.MANIFEST, _manifest_problems, bundle)
    if bundle.has(layout.RUN_SPEC) and bundle.has(layout.JOURNAL):
        problems += _guarded(layout.RUN_SPEC, _spec_problems, bundle)
    problems += _guarded(layout.POST, _post_problems, bundle)
    if bundle.has(layout.METRICS):
        problems += _guarded(layout.METRICS, _readable_metrics, bundle)
    if not problems:
        for name, render in renderers.items():
            problems += _guarded(name, partial(_rendering, name=name, render=render), bundle)
    return sorted(set(problems))


def _guarded(name: str, check: Callable[[Bundle], Iterator[Problem]], bundle: Bundle) -> list[Problem]:
    try:
        return list(check(bundle))
    except OpsLabError as error:
        return [Problem(name, error.what)]


def _symlinks(bundle: Bundle) -> list[Problem]:
    return [
        Problem(entry.relative_to(bundle.path).as_posix(), "is a symlink")
        for entry in bundle.path.rglob("*")
        if entry.is_symlink()
    ]


def _journal_problems(bundle: Bundle) -> Iterator[Problem]:
    chain = bundle.journal_chain
    if not chain.chained:
        yield Problem(layout.JOURNAL, "has no hash chain (an earlier lab wrote it): it can be read, not verified")
    else:
        yield from (Problem(layout.JOURNAL, what) for what in chain.problems)
    for number, event in enumerate(chain.events, 1):
        if event.get("event") in EVENTS and event.get("run_id") != bundle.run_id:
            yield Problem(layout.JOURNAL, f"line {number} is of another run ({event.get('run_id')!r:.60})")
    ends = [number for number, event in enumerate(chain.events, 1) if event.get("event") in TERMINAL_EVENTS]
    if not ends:
        state = "the run is still going on" if is_alive(bundle.path) else "`tc run recover` closes interrupted runs"
        yield Problem(layout.JOURNAL, f"has no terminal event ({state})")
    elif ends[0] != len(chain.events):
        yield Problem(layout.JOURNAL, f"goes on after its terminal event in line {ends[0]}")


def _manifest_problems(bundle: Bundle) -> Iterator[Problem]:
    manifest, head = bundle.manifest, bundle.journal_chain.head
    if manifest.run_id != bundle.run_id:
        yield Problem(layout.MANIFEST, f"is of another run ({manifest.run_id!r:.60})")
    if head.lines < manifest.journal.lines:
        yield Problem(layout.JOURNAL, f"has {head.lines} lines, {manifest.journal.lines} were sealed (cut tail)")
    elif head.lines > manifest.journal.lines:
        yield Problem(layout.JOURNAL, f"has {head.lines} lines, only {manifest.journal.lines} were sealed")
    elif head.sha256 != manifest.journal.head_sha256:
        yield Problem(layout.JOURNAL, "does not end in the line that was sealed")
    sealed = {file.path: file for file in manifest.files}
    rerendered = layout.RENDERED if bundle.has(layout.POST) else frozenset[str]()
    present = set(sealed_names(bundle.path))
    for name in sorted(present - set(sealed)):
        yield Problem(name, "is not in the manifest")
    for name in sorted(set(sealed) - present - set(REQUIRED)):
        yield Problem(name, "is missing")
    for name in sorted((set(sealed) & present) - rerendered):
        if sha256_hex(bundle.read(name)) != sealed[name].sha256:
            yield Problem(name, "is not what was sealed (digest differs)")


def _spec_problems(bundle: Bundle) -> Iterator[Problem]:
    digest = bundle.spec.config_sha256()
    stated = {event["config_sha256"] for event in bundle.journal_chain.events if "config_sha256" in event}
    if stated - {digest}:
        yield Problem(layout.RUN_SPEC, "is not the spec that the journal names (config_sha256 differs)")


def _readable_metrics(bundle: Bundle) -> Iterator[Problem]:
    if bundle.metrics.run_id != bundle.run_id:
        yield Problem(layout.METRICS, f"is of another run ({bundle.metrics.run_id!r:.60})")


def _post_problems(bundle: Bundle) -> Iterator[Problem]:
    reports: dict[str, str] = {}
    if bundle.has(layout.POST):
        if not bundle.has(layout.MANIFEST):
            yield Problem(layout.POST, "hangs on a manifest that is missing")
            return
        yield from (Problem(layout.POST, what) for what in bundle.post_chain.problems)
        for event in bundle.post_chain.events:
            if "report_path" in event and "report_sha256" in event:
                reports[str(event["report_path"])] = str(event["report_sha256"])
    for name, digest in reports.items():
        if not bundle.has(name):
            yield Problem(name, "is missing")
        elif sha256_hex(bundle.read(name)) != digest:
            yield Problem(name, "is not the report that was recorded (digest differs)")
    for entry in sorted((bundle.path / layout.DRILLS).glob("*.json")):
        if (name := entry.relative_to(bundle.path).as_posix()) not in reports:
            yield Problem(name, "was never recorded")


def _rendering(bundle: Bundle, *, name: str, render: Callable[[Bundle], bytes]) -> Iterator[Problem]:
    if render(bundle) != bundle.read(name):
        yield Problem(name, "is not what the facts say (rendered again, it differs)")
