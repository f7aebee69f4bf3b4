"""What a venue is made with, and where it is found when it runs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.orders import AccountSetup, Market

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.venue.http.limits import LimitSettings
    from opslab.venue.listing import Listing
    from opslab.venue.stream.rules import SocketRules
    from opslab.venue.tape.tape import Tape

MAIN = "main"
"""Name of the account that a venue has when none is named."""
_FUTURES_BALANCES = {"USDT": Decimal(100_000)}
_SPOT_BALANCES = {"USDT": Decimal(100_000), "BTC": Decimal(1)}


def new_account(
    market: Market,
    name: str = MAIN,
    balances: dict[str, Decimal] | None = None,
    *,
    api_key: str = "",
    api_secret: str = "",
) -> AccountSetup:
    """Return an account with keys of its own.

    Args:
        market: decides what it has when ``balances`` are not given.
        name: the ledger's name for it.
        balances: by currency.
        api_key: random when empty.
        api_secret: random when empty.
    """
    usual = _FUTURES_BALANCES if market is Market.FUTURES else _SPOT_BALANCES
    return AccountSetup(
        name=name,
        api_key=api_key or secrets.token_hex(32),
        api_secret=api_secret or secrets.token_hex(32),
        balances=dict(usual if balances is None else balances),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSetup:
    """What a venue begins with.

    Attributes:
        market: futures or spot.
        listings: what trades.
        accounts: whose keys are known; without any, one account ``main`` with keys made for this venue.
        tape: the market outside; None: nothing happens there.
        pace: market time per venue time; 60 plays a minute in a second, ``inf`` as fast as the loop can.
        horizon_seconds: for how long the tape is watched; what is played until then lies as near to now as it can, and
            what would be played later lies in the future. None: to its end.
        is_held: the tape waits for ``resume`` or ``step``.
        is_opened: the tape plays its first moment and waits then for ``resume`` or ``step``.
        limits: request weights and order counts; None: the market's usual ones.
        rules: limits of WebSockets; None: the market's usual ones.
        seed: of everything that is chosen by chance.
        clock_offset_ms: how far the venue's clock is ahead of the machine's.
        listen_key_minutes: how long a listen key lives without a keepalive.
        tick_seconds: how often the venue looks for what is due: expiry, funding, countdowns, listen keys.
        wire_path: where the wire log is written, as JSON lines; None: it is kept in memory only.
    """

    market: Market
    listings: tuple[Listing, ...]
    accounts: tuple[AccountSetup, ...] = ()
    tape: Tape | None = None
    pace: float = 1.0
    horizon_seconds: float | None = None
    is_held: bool = False
    is_opened: bool = False
    limits: LimitSettings | None = None
    rules: SocketRules | None = None
    seed: int = 0
    clock_offset_ms: int = 0
    listen_key_minutes: float = 60.0
    tick_seconds: float = 0.1
    wire_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue is found.

    Attributes:
        market: ``futures`` or ``spot``.
        http: base URL of REST requests.
        ws: base URL of market streams.
        ws_api: URL of the WebSocket API.
        ws_stream: base URL of user streams.
        ctl: base URL of the control door.
        token: opens the control door; never written anywhere.
    """

    market: str
    http: str
    ws: str
    ws_api: str
    ws_stream: str
    ctl: str
    token: str = field(repr=False)

    @staticmethod
    def at(market: Market, host: str, port: int, token: str) -> Endpoint:
        """Return the endpoint of a venue that listens there."""
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        api = "/ws-fapi/v1" if market is Market.FUTURES else "/ws-api/v3"
        stream = f"ws://{place}"
        return Endpoint(str(market), f"http://{place}", stream, f"{stream}{api}", stream, f"http://{place}/ctl", token)

    def facts(self) -> dict[str, str]:
        """Return what a bundle may hold of it: everything but the token."""
        return {
            "market": self.market,
            "http": self.http,
            "ws": self.ws,
            "ws_api": self.ws_api,
            "ws_stream": self.ws_stream,
            "ctl": self.ctl,
        }
