"""Runs one spec in this process and stops where a position is open, so that it can be killed there.

Its command line is ``ROOT DATA RUNS SPEC RUN_ID SESSION_ID SWITCHES AFTER_NS TOLD``. It writes one line of JSON to the
descriptor ``TOLD`` for each acknowledged line of the run's journal, and one for the first position that opens at or
after ``AFTER_NS``. There it waits: nothing but a signal, or the end of its standard input, lets it go.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from opslab.clock import SystemClock
from opslab.contract.spec_file import read_spec
from opslab.engine.registry import standard_registry
from opslab.engine.tap import EventTap
from opslab.root import find_lab
from opslab.runs.backtest import run_backtest
from opslab.safety.switches import KillSwitches
from opslab.store.journal import Journal

_ATTACH, _APPEND = EventTap.attach, Journal.append


def main(  # noqa: PLR0913, PLR0917 - the words of its command line
    root: str, data: str, runs: str, spec: str, run_id: str, session_id: str, switches: str, after: str, told: str
) -> None:
    """Run ``spec`` under ``run_id`` up to the position."""

    def tell(content: dict[str, Any]) -> None:
        os.write(int(told), json.dumps(content).encode() + b"\n")

    def append(journal: Journal, event: dict[str, Any], **kwargs: Any) -> Any:
        head = _APPEND(journal, event, **kwargs)
        tell({"acknowledged": {"event": event["event"], "line": head.lines, "sha256": head.sha256}})
        return head

    def attach(tap: EventTap, msgbus: Any) -> None:
        _ATTACH(tap, msgbus)
        msgbus.subscribe(topic="events.position.*", handler=hold)

    def hold(event: Any) -> None:
        fields = type(event).to_dict(event)
        if fields["type"] == "PositionOpened" and fields["ts_event"] >= int(after):
            position = {"instrument": fields["instrument_id"], "side": fields["side"], "quantity": fields["quantity"]}
            tell({"position": position, "at_ns": fields["ts_event"]})
            sys.stdin.read()

    lab = dataclasses.replace(find_lab(root, {}, [Path.cwd()]), data=Path(data), runs=Path(runs))
    with mock.patch.object(Journal, "append", append), mock.patch.object(EventTap, "attach", attach):
        run_backtest(
            lab,
            read_spec(spec),
            standard_registry(),
            run_id=run_id,
            session_id=session_id,
            switches=KillSwitches(Path(switches), SystemClock()),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
