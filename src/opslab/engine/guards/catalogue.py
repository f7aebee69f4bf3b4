"""The guards by name, as a spec names them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from opslab.contract.execution import Guard
from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.contract.execution import Profile
    from opslab.engine.guards.site import GuardLike

MODULES: dict[Guard, str] = {
    Guard.PHANTOM_POSITION: "phantom_position:PhantomPosition",
    Guard.AMBIGUOUS_SUBMIT: "ambiguous_submit:AmbiguousSubmit",
    Guard.USER_STREAM: "user_stream:UserStream",
    Guard.LISTEN_KEY: "listen_key:ListenKey",
    Guard.HTTP_DEADLINE: "http_deadline:HttpDeadline",
    Guard.STALE_FEED: "stale_feed:StaleFeed",
    Guard.DEPTH_GAP: "depth_gap:DepthGap",
    Guard.RATE_LIMIT: "rate_limit:RateLimit",
    Guard.CLOCK_SKEW: "clock_skew:ClockSkew",
    Guard.MARKET_EXIT: "market_exit:MarketExit",
}
"""Module of ``opslab.engine.guards`` and class of each guard; a class is made with the node's profile."""


def guards_of(names: Iterable[Guard], profile: Profile) -> list[GuardLike]:
    """Return the guards of these names, in the catalogue's order.

    Args:
        names: which ones.
        profile: how impatient the node is; a guard waits as long as it.

    Raises:
        EngineError: one of them is not known.
    """
    wanted = set(names)
    if unknown := sorted(wanted - MODULES.keys()):
        raise EngineError(f"there is no guard {unknown[0]}", fix=f"use one of {', '.join(MODULES)}")
    found = []
    for name, place in MODULES.items():
        if name in wanted:
            module, _, kind = place.partition(":")
            found.append(getattr(import_module(f"opslab.engine.guards.{module}"), kind)(profile))
    return found
