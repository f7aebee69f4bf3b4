"""No phantom position when the user stream is restored: the venue is asked once for each symbol.

The adapter collects the symbols to ask for from its cache, by the engine's name (``BTCUSDT-PERP``), and from the venue,
by the venue's (``BTCUSDT``): fills come twice, and a trade that never was is invented to make up for them. The guard
gives the cache's symbols the venue's names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol

from opslab.contract.execution import Guard
from opslab.engine.guards.standing import Standing, reach

if TYPE_CHECKING:
    from opslab.contract.execution import Profile
    from opslab.engine.guards.site import Site

WRAPPED = "_get_cache_active_symbols"


class PhantomPosition(Standing):
    """Lets a reconciliation ask for each symbol once."""

    guard: ClassVar[Guard] = Guard.PHANTOM_POSITION

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._told: set[frozenset[str]] = set()

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand behind the question which symbols are active.

        Raises:
            EngineError: the adapter has no such question.
        """
        original = reach(client, WRAPPED, self.guard)

        def active_symbols() -> set[str]:
            found = original()
            true = {str(BinanceSymbol(name)) for name in found}
            self._tell(frozenset(found), true)
            return true

        setattr(client, WRAPPED, active_symbols)
        self.stand(site, "active symbols bear the venue's names")

    def _tell(self, found: frozenset[str], true: set[str]) -> None:
        if found != true and found not in self._told:
            self._told.add(found)
            names = {"engine": sorted(found), "venue": sorted(true)}
            self.say("corrected", f"{', '.join(names['venue'])} is asked for once, not under two names", **names)
