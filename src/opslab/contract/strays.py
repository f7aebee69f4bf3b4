"""What a strategy started and left running when its node was gone: threads and processes."""

from __future__ import annotations

from typing import Literal

from opslab.contract.base import Artifact
from opslab.contract.events import Event


class StrayThread(Artifact):
    """A thread that Python would wait for at the end of the process.

    Attributes:
        name: as its maker called it.
        started_at: the line that started it, ``file:line in function``; null where nobody saw that.
        stands_at: the line where it stood; null where it has none.
    """

    name: str
    started_at: str | None = None
    stands_at: str | None = None


class StrayProcess(Artifact):
    """A process that descends from the node's.

    Attributes:
        pid: its process id.
        command: the kernel's short name of it; its arguments are kept nowhere, they may hold secrets.
        ended_by: the signal that ended it; null: it was left alone, or could not be ended.
    """

    pid: int
    command: str
    ended_by: Literal["SIGTERM", "SIGKILL"] | None = None


class StraysFound(Event):
    """A run left threads or processes when its node was gone, or nobody could tell.

    Attributes:
        threads: the threads; they end with the process.
        processes: the processes.
        is_own: whether the process was the run's own: processes are ended then, and else left to whoever started them.
        unknown: why processes could not be looked for, in a line; null: they were.
    """

    event: Literal["strays_found"] = "strays_found"
    threads: tuple[StrayThread, ...] = ()
    processes: tuple[StrayProcess, ...] = ()
    is_own: bool
    unknown: str | None = None


STRAY_EVENTS: dict[str, type[Event]] = {"strays_found": StraysFound}
"""These events, by name."""
