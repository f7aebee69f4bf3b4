"""Nothing of a live node leaves loopback: an address that leads elsewhere is refused, and a run needs no way out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from opslab.contract.spec_file import read_spec
from opslab.pytest_plugin.keys import REHEARSAL
from opslab.runs.rehearsal import prepare_samples
from opslab.samples import paper_spec
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill

RUNBOOK = "docs/runbooks/loopback.md"
FIVE = {
    "data_clients": ("base_url_http", "base_url_ws"),
    "exec_clients": ("base_url_http", "base_url_ws", "base_url_ws_stream"),
}


def _unguarded() -> AbstractContextManager[object]:
    """Build a node whatever its addresses are."""
    return mock.patch("opslab.engine.node.session.require_loopback")


def _speechless() -> AbstractContextManager[object]:
    """Refuse without saying what."""
    from opslab.errors import EngineError

    return mock.patch("opslab.engine.node.session.require_loopback", side_effect=EngineError("no"))


@pytest.mark.drill("override-removed", rehearses=["OP-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("guard-removed", _unguarded)
@pytest.mark.mutant("refused-without-a-word", _speechless)
@pytest.mark.parametrize("value", [None, "", "https://fapi.binance.com", "ws://10.0.0.1:80"])
def test_a_node_without_one_of_its_five_addresses_is_not_built(drill: Drill, value: str | None) -> None:
    """Each of the five overrides, removed or led elsewhere in turn, is refused before the node is built."""
    from fixtures.overrides import refusal_of

    drill.record("refusals", [refusal_of(group, name, value) for group, names in FIVE.items() for name in names])
    drill.holds("loopback.refused")


@pytest.mark.drill("paper-run-with-only-lo", rehearses=["OP-01"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("override-removed")
@pytest.mark.mutant("namespace-not-entered")
def test_a_paper_run_needs_no_way_out(drill: Drill, child: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    """A whole paper run, venue and node, trades to its end in a network namespace that has only ``lo``."""
    rehearsal = request.node.stash[REHEARSAL]
    spec = read_spec(paper_spec()).spec
    prepare_samples(rehearsal.lab, spec)
    run_id = rehearsal.ids.effective(spec.run_id)
    words = (rehearsal.lab.root, rehearsal.lab.data, run_id, rehearsal.ids.session_id, rehearsal.switches.root)
    found = child("alone", *words, drill.mutant or "none")
    if found["why"] and os.environ.get("CI") != "true":
        pytest.skip(found["why"])
    if (rehearsal.lab.runs / run_id).is_dir():
        rehearsal.adopt(Bundle(rehearsal.lab.runs / run_id))
    drill.record("alone", found)
    drill.holds("loopback.alone")
