"""What the guards at the execution client share: names that they must find, what they tell, and tasks of their own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

from opslab.engine.guards.site import Bystander
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from opslab.contract.execution import Guard, Profile
    from opslab.engine.guards.site import Site


def reach(root: Any, path: str, guard: Guard, *, may_be_empty: bool = False) -> Any:
    """Return what lies at a dotted path of names below the adapter's ``root``.

    Args:
        root: the object of the adapter's or engine's.
        path: names with dots in between.
        guard: who needs it.
        may_be_empty: None counts as there.

    Raises:
        EngineError: one of the names is not there.
    """
    found = root
    for name in path.split("."):
        missing = not hasattr(found, name)
        found = getattr(found, name, None)
        if missing or (found is None and not may_be_empty):
            what = f"{type(root).__name__} has no {path}: guard {guard.value} cannot stand there"
            raise EngineError(what, fix="use the version of NautilusTrader that the lab was built for, or leave it out")
    return found


class Standing(Bystander):
    """A guard that tells what it does.

    Args:
        profile: how impatient the node is.
    """

    guard: ClassVar[Guard]
    """Its name in a spec."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._site: Site | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def site(self) -> Site:
        """Where it stands.

        Raises:
            EngineError: it stands nowhere yet.
        """
        if self._site is None:
            raise EngineError(f"guard {self.guard.value} stands nowhere", fix="add it to a node")
        return self._site

    def stand(self, site: Site, where: str) -> None:
        """Remember the site, and tell that the guard is in place."""
        self._site = site
        self.say("installed", where)

    def say(self, action: str, detail: str, **facts: Any) -> None:
        """Tell what the guard did; see ``contract.containment_events.GuardActed``."""
        self.site.tell(
            "guard_acted",
            {"guard": self.guard.value, "action": action, "detail": one_line(detail), "facts": facts},
        )

    def hold(self, why: str, at_denial: Callable[[], str] | None = None, **facts: Any) -> None:
        """Deny new risk for now; told once.

        Args:
            why: one line.
            at_denial: what a strategy is told instead: returns it at each denial.
            facts: what was measured.
        """
        if self.site.hold(self.guard.value, one_line(why) if at_denial is None else at_denial):
            self.say("held", why, **facts)

    def release(self, why: str, **facts: Any) -> None:
        """Let go again, if the guard holds; told once."""
        if self.site.release(self.guard.value):
            self.say("released", why, **facts)

    def spawn(self, client: Any, work: Coroutine[Any, Any, None], name: str) -> None:
        """Let the client run ``work``: it ends with the client, which also logs what it raises."""
        task = client.create_task(work, log_msg=f"opslab {self.guard.value}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def after(client: Any, name: str, then: Callable[[], None], guard: Guard) -> None:
    """Let ``then`` follow on the client's coroutine function ``name``, when that did not raise."""
    original = reach(client, name, guard)

    @functools.wraps(original)
    async def followed(*args: Any, **words: Any) -> Any:
        answer = await original(*args, **words)
        then()
        return answer

    setattr(client, name, followed)
