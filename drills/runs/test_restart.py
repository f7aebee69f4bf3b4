"""A run whose process was killed can be closed, and run again: the packaged drill, on the sample."""

from __future__ import annotations

from opslab.samples.drills.restart import killed, rehearsal, test_a_run_killed_with_a_position_open_is_recovered

__all__ = ["killed", "rehearsal", "test_a_run_killed_with_a_position_open_is_recovered"]
