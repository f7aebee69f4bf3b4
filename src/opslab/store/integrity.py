"""Says everything that is wrong with a bundle: files, links, digests, the terminal event, and renderings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opslab.contract.encoding import compact_json, pretty_json, sha256_hex
from opslab.contract.events import TERMINAL_EVENTS
from opslab.contract.manifest import measured_sha256
from opslab.contract.registry import EVENTS
from opslab.errors import OpsLabError, one_line
from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX
from opslab.store.journal import CHAIN_FIELDS, read_chain
from opslab.store.lock import is_alive
from opslab.store.regular import MISSING, trouble_of
from opslab.store.writer import files_below, sealed_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opslab.contract.manifest import FileDigest, Manifest
    from opslab.store.journal import Chain
    from opslab.store.reader import Bundle

_FACTS = frozenset({layout.RUN_SPEC, layout.JOURNAL, layout.POST})
_TERMINAL = tuple(sorted(TERMINAL_EVENTS))  # compared one by one: an altered name may be unhashable
REQUIRED = (layout.RUN_SPEC, layout.METADATA, layout.JOURNAL, layout.METRICS, layout.REPORT, layout.MANIFEST)
_FILES = {*REQUIRED, *layout.UNSEALED, layout.EVENTS, layout.VIEWS}


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
    odd = _odd_entries(bundle)
    problems = [Problem(name, MISSING) for name in REQUIRED if _lacks(bundle, name) == MISSING]
    problems += odd + _facts_problems(bundle)
    if bundle.has(layout.JOURNAL):
        problems += _guarded(layout.JOURNAL, _end_problems, bundle)
    if bundle.has(layout.MANIFEST):
        problems += _guarded(layout.MANIFEST, _manifest_problems, bundle)
    if bundle.has(layout.METRICS):
        problems += _guarded(layout.METRICS, _metrics_problems, bundle)
    if bundle.has(layout.METADATA):
        problems += _guarded(layout.METADATA, _metadata_problems, bundle)
    broken = {problem.path for problem in problems}
    if not broken & _FACTS and not any(problem.path.startswith(layout.LATER) for problem in odd):
        for name, render in renderers.items():
            if name not in broken:
                problems += _guarded(name, partial(_rendering, name=name, render=render), bundle)
    return sorted(set(problems))


def contradictions(bundle: Bundle) -> list[Problem]:
    """Return what speaks against sealing ``bundle``: a broken journal, and files that are not what it names.

    An unfinished last line and a missing end are none: that is how a process dies.
    """
    found = {*_odd_entries(bundle), *_facts_problems(bundle)}
    if bundle.terminal is None:
        return sorted(found - {Problem(layout.JOURNAL, what) for what in bundle.journal_chain.unfinished})
    return sorted(found | set(_guarded(layout.JOURNAL, _end_problems, bundle)))


def _facts_problems(bundle: Bundle) -> list[Problem]:
    """Judge the facts by each other, without the manifest."""
    problems = _guarded(layout.POST, _post_problems, bundle) + _guarded(layout.POST, _report_problems, bundle)
    if not bundle.has(layout.JOURNAL):
        return problems
    problems += _guarded(layout.JOURNAL, _journal_problems, bundle)
    problems += _guarded(layout.EVENTS, _stream_problems, bundle)
    problems += _guarded(layout.VIEWS, _views_problems, bundle)
    if bundle.has(layout.RUN_SPEC):
        problems += _guarded(layout.RUN_SPEC, _spec_problems, bundle)
    return problems


def _guarded(name: str, check: Callable[[Bundle], Iterator[Problem]], bundle: Bundle) -> list[Problem]:
    found: list[Problem] = []
    try:
        found.extend(check(bundle))  # keeps what was found before the check trips
    except OpsLabError as error:
        found.append(Problem(name, error.what))
    except Exception as error:  # noqa: BLE001 - altered facts may trip anything; that too is a problem of the bundle
        found.append(Problem(name, f"cannot be judged: {type(error).__name__}: {one_line(error, 120)}"))
    return found


def _lacks(bundle: Bundle, name: str) -> str | None:
    return trouble_of(bundle.path / name)


def _odd_entries(bundle: Bundle) -> list[Problem]:
    """Name what is neither a regular file nor a directory on the way to one."""
    names = files_below(bundle.path)
    odd = {name: what for name in names if (what := _lacks(bundle, name)) not in {None, MISSING}}
    ways = {way.as_posix() for name in names for way in PurePosixPath(name).parents}
    for entry in bundle.path.rglob("*"):
        name = entry.relative_to(bundle.path).as_posix()
        if _lacks(bundle, name) != "is a directory" or entry.name.startswith(STAGING_PREFIX):
            continue
        if name in _FILES:
            odd[name] = "is a directory"
        elif name not in ways and f"{name}/" not in layout.LATER:
            odd[name] = "is a directory that holds nothing"
    return [Problem(name, str(what)) for name, what in odd.items()]


def _journal_problems(bundle: Bundle) -> Iterator[Problem]:
    chain = bundle.journal_chain
    if not chain.chained:
        yield Problem(layout.JOURNAL, "has no hash chain (an earlier lab wrote it): it can be read, not verified")
    else:
        yield from (Problem(layout.JOURNAL, what) for what in chain.problems)
        yield from _event_problems(layout.JOURNAL, bundle, chain)


def _end_problems(bundle: Bundle) -> Iterator[Problem]:
    chain = bundle.journal_chain
    names = [event.get("event") for event in chain.events]
    ends = [number for number, name in zip(chain.numbers, names, strict=True) if name in _TERMINAL]
    if not ends:
        yield Problem(layout.JOURNAL, f"has no terminal event ({_state(bundle, names)})")
    elif ends[0] != chain.head.lines:
        yield Problem(layout.JOURNAL, f"goes on after its terminal event in line {ends[0]}")


def _state(bundle: Bundle, names: list[Any]) -> str:
    if is_alive(bundle.path):
        return "the run is still going on"
    return "`tc run recover` closes interrupted runs" if "run_started" in names else "the run was never started"


def _event_problems(file: str, bundle: Bundle, chain: Chain) -> Iterator[Problem]:
    """Judge the events that this contract knows; later additions of v1 bear names of their own."""
    for number, event in zip(chain.numbers, chain.events, strict=True):
        model = EVENTS.get(str(event.get("event")))
        if model is None:
            continue
        if event.get("run_id") != bundle.run_id:
            yield Problem(file, f"line {number} is of another run ({event.get('run_id')!r:.60})")
        try:
            own = {name: value for name, value in event.items() if name not in CHAIN_FIELDS}
            model.model_validate_json(compact_json(own), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            yield Problem(file, f"line {number} is no {event['event']}: {one_line(place, 60)}: {first['msg']}")


def _manifest_problems(bundle: Bundle) -> Iterator[Problem]:
    manifest, raw = bundle.manifest, bundle.json(layout.MANIFEST)
    if bundle.read(layout.MANIFEST) != pretty_json(raw):
        yield Problem(layout.MANIFEST, "is not written as the lab writes it")
    if not isinstance(raw, dict) or manifest.content_sha256 != measured_sha256(raw):
        yield Problem(layout.MANIFEST, "is not what was sealed (its own digest differs)")
    if manifest.run_id != bundle.run_id:
        yield Problem(layout.MANIFEST, f"is of another run ({manifest.run_id!r:.60})")
    if bundle.has(layout.JOURNAL):
        yield from _guarded(layout.JOURNAL, partial(_head_problems, manifest=manifest), bundle)
    yield from _file_problems(manifest, bundle)


def _head_problems(bundle: Bundle, *, manifest: Manifest) -> Iterator[Problem]:
    head = bundle.journal_chain.head
    if head.lines < manifest.journal.lines:
        yield Problem(layout.JOURNAL, f"has {head.lines} lines, {manifest.journal.lines} were sealed (cut tail)")
    elif head.lines > manifest.journal.lines:
        yield Problem(layout.JOURNAL, f"has {head.lines} lines, only {manifest.journal.lines} were sealed")
    elif head.sha256 != manifest.journal.head_sha256:
        yield Problem(layout.JOURNAL, "does not end in the line that was sealed")


def _file_problems(manifest: Manifest, bundle: Bundle) -> Iterator[Problem]:
    sealed = {file.path: file for file in manifest.files}
    rerendered = layout.RENDERED if bundle.has(layout.POST) else frozenset[str]()
    present = set(sealed_names(bundle.path))
    for name in sorted(present - set(sealed)):
        yield Problem(name, "is not in the manifest")
    for name in sorted(set(sealed) - present - set(REQUIRED)):
        yield Problem(name, _lacks(bundle, name) or MISSING)
    for name in sorted((set(sealed) & present) - rerendered):
        if bundle.has(name):
            yield from _guarded(name, partial(_digest_problem, file=sealed[name]), bundle)
    if bundle.has(layout.LOCK) and bundle.read(layout.LOCK):
        yield Problem(layout.LOCK, "is not empty")


def _digest_problem(bundle: Bundle, *, file: FileDigest) -> Iterator[Problem]:
    if sha256_hex(bundle.read(file.path)) != file.sha256:
        yield Problem(file.path, "is not what was sealed (digest differs)")


def _stream_problems(bundle: Bundle) -> Iterator[Problem]:
    streams = [stream for event in bundle.journal_chain.events if isinstance(stream := event.get("event_stream"), dict)]
    if streams and (what := _lacks(bundle, layout.EVENTS)):
        yield Problem(layout.EVENTS, what)
    elif any(sha256_hex(bundle.read(layout.EVENTS)) != stream.get("sha256") for stream in streams):
        yield Problem(layout.EVENTS, "is not the event stream that the journal names (digest differs)")


def _views_problems(bundle: Bundle) -> Iterator[Problem]:
    """Judge the views of a backtest, which are written once; those of a paper run have a digest at each phase."""
    digests = [told for event in bundle.journal_chain.events if (told := event.get("views_sha256")) is not None]
    if digests and (what := _lacks(bundle, layout.VIEWS)):
        yield Problem(layout.VIEWS, what)
    elif any(sha256_hex(bundle.read(layout.VIEWS)) != told for told in digests):
        yield Problem(layout.VIEWS, "is not what the journal names (digest differs)")


def _spec_problems(bundle: Bundle) -> Iterator[Problem]:
    digest = bundle.spec.config_sha256()
    stated = [event["config_sha256"] for event in bundle.journal_chain.events if "config_sha256" in event]
    if any(other != digest for other in stated):
        yield Problem(layout.RUN_SPEC, "is not the spec that the journal names (config_sha256 differs)")


def _metrics_problems(bundle: Bundle) -> Iterator[Problem]:
    if bundle.metrics.run_id != bundle.run_id:
        yield Problem(layout.METRICS, f"is of another run ({bundle.metrics.run_id!r:.60})")


def _metadata_problems(bundle: Bundle) -> Iterator[Problem]:
    if bundle.metadata.run_id != bundle.run_id:
        yield Problem(layout.METADATA, f"is of another run ({bundle.metadata.run_id!r:.60})")
    stated, head = bundle.metadata.post, _later(bundle).head if bundle.has(layout.POST) else None
    if stated is not None and head is None:
        yield Problem(layout.POST, f"{_lacks(bundle, layout.POST)}, {stated.lines} lines were told")
    elif head is not None and (stated is None or (stated.lines, stated.head_sha256) != (head.lines, head.sha256)):
        told = stated.lines if stated else 0
        yield Problem(layout.POST, f"has {head.lines} lines, metadata.json tells of {told} (or of another end)")


def _post_problems(bundle: Bundle) -> Iterator[Problem]:
    if bundle.has(layout.POST):
        if not bundle.has(layout.MANIFEST):
            yield Problem(layout.POST, "hangs on a manifest that is missing")
            return
        yield from (Problem(layout.POST, what) for what in bundle.post_chain.problems)
        yield from _event_problems(layout.POST, bundle, bundle.post_chain)


def _later(bundle: Bundle) -> Chain:
    """What came after the end; without the manifest that it hangs on, its lines can still be read."""
    if bundle.has(layout.MANIFEST) or not bundle.has(layout.POST):
        return bundle.post_chain
    return read_chain(bundle.read(layout.POST))


def _report_problems(bundle: Bundle) -> Iterator[Problem]:
    """Compare what events say of reports with the reports that there are."""
    reports = {
        str(event["report_path"]): str(event["report_sha256"])
        for event in (*(bundle.journal_chain.events if bundle.has(layout.JOURNAL) else ()), *_later(bundle).events)
        if "report_path" in event and "report_sha256" in event
    }
    for name, digest in reports.items():
        if what := _lacks(bundle, name):
            yield Problem(name, what)
        elif sha256_hex(bundle.read(name)) != digest:
            yield Problem(name, "is not the report that was recorded (digest differs)")
    for name in files_below(bundle.path):
        if name.startswith(layout.LATER) and name not in reports:
            yield Problem(name, "was never recorded")


def _rendering(bundle: Bundle, *, name: str, render: Callable[[Bundle], bytes]) -> Iterator[Problem]:
    if render(bundle) != bundle.read(name):
        yield Problem(name, "is not what the facts say (rendered again, it differs)")
