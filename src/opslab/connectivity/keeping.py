"""Keeps a readiness check or a probe in the run's bundle: its event, and the file that renders the latest one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.connectivity import probe_file, readiness_file
from opslab.contract.encoding import pretty_json
from opslab.errors import SpecError, StoreError
from opslab.root import confined
from opslab.store import layout
from opslab.store.adding import add, alone
from opslab.store.durable import write_bytes
from opslab.store.reader import open_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.connectivity import ConnectivityProbeEvaluated, ConnectivityReadinessEvaluated
    from opslab.contract.spec import RunSpec
    from opslab.root import Lab
    from opslab.store.reader import Bundle

RENDERED = {
    layout.READINESS: ("connectivity_readiness_evaluated", readiness_file),
    layout.PROBE: ("connectivity_probe_evaluated", probe_file),
}
"""File below the bundle, the event that it renders, and how."""


def found(lab: Lab, run_id: str) -> Bundle:
    """Return the bundle of a run that something can be added to.

    Raises:
        IdError: ``run_id`` is unsafe.
        StoreError: there is no such run, or its journal or metadata are missing.
    """
    bundle = open_bundle(lab.runs, run_id)
    for name in (layout.METADATA, layout.JOURNAL):
        if not bundle.has(name):
            raise StoreError("is missing", where=bundle.path / name, fix="`tc run verify` names what is broken")
    return bundle


def found_for(lab: Lab, spec: RunSpec) -> Bundle:
    """Return the bundle of the run that ``spec`` names; it must be a run of this very spec.

    Raises:
        StoreError: there is no such run, or its journal or metadata are missing.
        SpecError: the run was made of another spec, or its own copy cannot be read.
    """
    if not (lab.runs / spec.run_id).exists():
        fix = (
            f"run its spec first: `tc run {spec.mode} --spec FILE`; to ask before a run, give a copy of the spec a "
            "run_id of its own: `tc run init --spec COPY`"
        )
        raise StoreError(f"there is no run {spec.run_id!r}", where=lab.runs, fix=fix)
    bundle = found(lab, spec.run_id)
    # A drill gives its run an id of its own; all else of the spec must be the same.
    if spec.model_copy(update={"run_id": bundle.spec.run_id}).config_sha256() != bundle.spec.config_sha256():
        what = f"is not the spec that run {bundle.run_id} was made of (config_sha256 differs)"
        fix = f"name {bundle.path / layout.RUN_SPEC}, or give this spec a run_id of its own and run it"
        raise SpecError(what, where="--spec", fix=fix)
    return bundle


def keep(
    bundle: Bundle,
    told: ConnectivityReadinessEvaluated | ConnectivityProbeEvaluated,
    clock: Clock,
    render: Callable[[Path], None] = lambda _bundle: None,
) -> Path:
    """Add an event to what a run recorded, render the latest of its kind, and return that file.

    Args:
        bundle: the run.
        told: what came out.
        clock: stamps repairs of a journal.
        render: renders what else follows from ``post.jsonl``; called under the lock, for sealed runs only.

    Raises:
        StoreError: it cannot be written, the run has ended and is not sealed, or another process keeps its bundle.
        RootError: a symlink is in the way.
    """
    name = next(name for name, (event, _) in RENDERED.items() if event == told.event)
    path = confined(bundle.path, name)
    with alone(bundle.path):
        told_in = add(bundle.path, told.to_dict(), clock)
        _, file_of = RENDERED[name]
        spec = bundle.spec
        write_bytes(path, pretty_json(file_of(told.to_dict(), spec.venue, spec.instrument).to_dict()))
        if told_in == layout.POST:
            render(bundle.path)
    return path


def latest(bundle: Bundle, name: str) -> bytes | None:
    """Return what ``name`` must hold: the rendering of the last event of its kind; None without any."""
    event, file_of = RENDERED[name]
    told = [line for line in bundle.journal if line["event"] == event]
    if not told:
        return None
    return pretty_json(file_of(dict(told[-1]), bundle.spec.venue, bundle.spec.instrument).to_dict())
