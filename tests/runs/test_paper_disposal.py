"""What a strategy does when it is disposed of belongs to its run: what raises or blocks there is a failed run."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.runs.acting import FAST, LONG, Acts

from opslab.clock import SystemClock
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.node import session, watchdog
from opslab.engine.registry import standard_registry
from opslab.reconcile.keeping import RESULT
from opslab.reconcile.stored_views import check_views
from opslab.root import find_lab
from opslab.runs.finish import problems_of
from opslab.runs.paper import begin_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec

if TYPE_CHECKING:
    from opslab.store.reader import Bundle


class Disposes(Acts):
    """Acts when it is disposed of, and at its first bar, if anything is to be done there."""

    def __init__(self, context: Any, act: Any, first: Any) -> None:
        super().__init__(context, act, "nowhere")
        self._act, self._first = act, first

    def on_bar(self, _bar: Any) -> None:
        first, self._first = self._first, lambda _: None
        first(self)

    def on_dispose(self) -> None:
        self._act(self)


def blocks(_strategy: Any) -> None:
    time.sleep(LONG)


def raises_runtime_error(_strategy: Any) -> None:
    raise RuntimeError("the engine keeps this one to itself")


class OfNoKind(BaseException):
    """Is no ``Exception``: what catches only those lets it through."""


def raises_of_no_kind(_strategy: Any) -> None:
    raise OfNoKind("base")


WAYS = {
    "of-no-kind": (raises_of_no_kind, "was not disposed of: OfNoKind: base"),
    "raises": (Acts.breaks, "was not disposed of: ValueError: nobody hears this"),
    "runtime-error": (raises_runtime_error, "was not disposed of: RuntimeError: the engine keeps this one to itself"),
    "exits": (lambda _: sys.exit(3), "was not disposed of: the strategy asked the process to exit: SystemExit: 3"),
    "blocks": (blocks, "was not disposed of: the node was blocked: it stands at "),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


def disposed(lab, run_id, act, first=lambda _: None) -> Bundle:
    registry = standard_registry()
    registry.register("disposes", lambda context: Disposes(context, act, first), "tests")
    spec = edited(read_spec(paper_spec()), {**FAST, "strategy.name": "disposes", "strategy.params": None})
    with begin_paper(lab, spec, registry, run_id=run_id, host_of=thread_host) as living:
        try:
            living.start()
            return living.complete(living.run_to_bound())
        except Exception as error:  # noqa: BLE001 - what ``run_paper`` does with it
            return living.fail(error)


@pytest.mark.parametrize("way", WAYS)
def test_a_disposal_that_goes_wrong_is_a_failed_run_with_its_reason(lab, way, monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", 0.5)
    act, told = WAYS[way]
    began = time.monotonic()
    bundle = disposed(lab, way, act)
    assert time.monotonic() - began < LONG / 2
    assert bundle.metadata.status == "failed"
    assert f"Disposes-000 {told}" in bundle.metadata.error
    assert problems_of(bundle) == []


def test_a_disposal_that_fails_is_no_mismatch_of_views(lab):
    bundle = disposed(lab, "bought", Acts.breaks, first=Acts.buy)
    assert bundle.metadata.status == "failed"
    assert [event["status"] for event in bundle.journal if event["event"] == "reconciliation_checked"] == ["ok"]
    assert bundle.json(RESULT)["views"]["engine"]["positions"]
    assert check_views(lab, bundle.run_id, SystemClock().now()).passed
    assert "failed" not in {row["phase"] for row in bundle.views}  # a node that was freed believes nothing


@pytest.mark.parametrize(("place", "told"), [("on_start", "start"), ("on_stop", "stop")])
def test_what_is_no_exception_fails_the_run_wherever_the_node_is_turned(lab, monkeypatch, place, told):
    monkeypatch.setattr(Disposes, place, raises_of_no_kind, raising=False)
    bundle = disposed(lab, place.replace("_", "-"), lambda _: None)
    assert bundle.metadata.status == "failed"
    assert f"the node did not {told}: OfNoKind: base" in bundle.metadata.error
    assert problems_of(bundle) == []


def test_a_thread_that_a_disposal_waits_for_is_named_with_who_started_it(lab, monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(session, "STOP_MARGIN_SECONDS", 0.5)
    over = threading.Event()
    try:
        bundle = disposed(lab, "waits", lambda strategy: strategy.run_in_executor(over.wait))
    finally:
        over.set()
    assert "it stands at the join of thread ThreadPoolExecutor-" in bundle.metadata.error
    assert "test_paper_disposal.py:" in bundle.metadata.error


def test_a_disposal_that_goes_well_happens_once(lab):
    calls = []
    assert disposed(lab, "well", calls.append).metadata.status == "completed"
    assert len(calls) == 1
