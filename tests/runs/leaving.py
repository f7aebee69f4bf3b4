"""A strategy that leaves a process, importable by a node in a process of its own."""

from __future__ import annotations

import subprocess

from opslab.engine.strategies.ops_by_hand import OpsByHand


class Leaves(OpsByHand):
    """Starts a process and forgets it."""

    def on_start(self) -> None:
        super().on_start()
        self.left = subprocess.Popen(["sleep", "100"])
