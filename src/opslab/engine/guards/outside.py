"""The venue itself, past the engine: what a node's containment asks over plain HTTP, with the keys of the node."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance import BinanceAccountType, BinanceExecClientConfig
from nautilus_trader.model.instruments import CurrencyPair

from opslab.errors import OpsLabError, one_line
from opslab.safety.calm import Calm
from opslab.safety.flatten.log import IntentFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path

    from nautilus_trader.config import TradingNodeConfig

    from opslab.safety.flatten.account import Account
    from opslab.safety.flatten.course import Flattened
    from opslab.safety.flatten.remains import Remains

_MARKETS = {BinanceAccountType.SPOT: "spot", BinanceAccountType.USDT_FUTURES: "futures"}


def account_of(
    config: TradingNodeConfig, cache: Any, keep: Mapping[str, Decimal] | None = None
) -> tuple[Account | None, str]:
    """Return the account that a node trades on, or None and why its venue cannot be asked past the engine.

    Args:
        config: the node's settings; of several execution clients the first one of the lab's kind counts.
        cache: the node's cache, whose instruments are what is sold on spot.
        keep: of spot: base units by asset that are not sold.
    """
    from opslab.safety.flatten.account import Account  # noqa: PLC0415 - a node that never contains does not need it

    client = config.exec_clients.get(asked_client(config) or "")
    if client is None:
        return None, "the node has no execution client of Binance whose venue could be asked"
    market: Any = _MARKETS[client.account_type]
    pairs = sorted(one.raw_symbol.value for one in cache.instruments() if isinstance(one, CurrencyPair))
    try:
        return Account(
            http=client.base_url_http or "",
            market=market,
            api_key=client.api_key or "",
            api_secret=client.api_secret or "",
            symbols=tuple(pairs) if market == "spot" else (),
            keep=keep or {},
        ), ""
    except OpsLabError as error:
        return None, str(error)


def asked_client(config: TradingNodeConfig) -> str | None:
    """Return the name of the execution client whose venue is asked: the first one of the lab's kind."""
    for name, client in config.exec_clients.items():
        if isinstance(client, BinanceExecClientConfig) and client.account_type in _MARKETS:
            return str(name)
    return None


@dataclass(frozen=True)
class Looked:
    """What the venue says is left.

    Attributes:
        orders: client ids of open orders.
        positions: quantity as text, by instrument; by the venue's own name where the engine has none.
        unknown: what it would not tell; what is unknown is left.
        short: base units as text by spot asset: so much less is held than was to stay.
    """

    orders: tuple[str, ...] = ()
    positions: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    short: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is left and nothing missing, for certain."""
        return not self.orders and not self.positions and not self.unknown and not self.short

    @property
    def is_past_mending(self) -> bool:
        """Whether only what was sold too much keeps it from being flat: no cancel and no close changes that."""
        return bool(self.short) and not (self.orders or self.positions or self.unknown)

    def left(self) -> dict[str, Any]:
        """Return it as ``LeftAtVenue`` is written: what is missing as a negative quantity."""
        missing = {name: f"-{amount}" for name, amount in self.short.items()}
        return {"orders": list(self.orders), "positions": {**self.positions, **missing}}


class Outside:
    """The venue of a node, past its engine.

    Args:
        config: the node's settings.
        cache: the node's cache.
        keep: of spot: base units by asset that are not sold, because the account held them before.
        intents: of spot: where closes are written down before; None: nowhere.
        calm: until when nothing may be sent, by what the venue told the engine and what it tells here.
    """

    def __init__(
        self,
        config: TradingNodeConfig,
        cache: Any,
        keep: Mapping[str, Decimal] | None = None,
        intents: Path | None = None,
        calm: Calm | None = None,
    ) -> None:
        self.calm = calm if calm is not None else Calm()
        self._config, self._cache, self._keep = config, cache, keep
        self._log = IntentFile.of_node(intents) if intents is not None else None

    def get_ready(self) -> None:
        """Import what the questions need, before the node runs: on its loop that would take long."""
        from opslab.safety.flatten import account, drive  # noqa: F401, PLC0415 - as above

        drive.get_ready()

    @property
    def shut_seconds(self) -> float:
        """For how many seconds nothing may be sent yet: the venue throttles or bans; 0 while everything may."""
        return self.calm.left(time.monotonic())

    @property
    def shut(self) -> str | None:
        """Why nothing may be sent, and until when, in a line."""
        return self.calm.told(time.monotonic(), time.time() * 1000)

    async def remains(self) -> Looked:
        """Ask the venue what is left; whatever hinders that is told as unknown."""
        try:
            from opslab.safety.flatten.drive import remains_async  # noqa: PLC0415 - as above

            account, why = account_of(self._config, self._cache, self._keep)
            if account is None:
                return Looked(unknown=(why,))
            if (shut := self.shut) is not None:
                return Looked(unknown=(shut,))
            return _looked(await remains_async(account, calm=self.calm), self.names())
        except Exception as error:  # noqa: BLE001 - unknown is never empty
            return Looked(unknown=(f"{type(error).__name__}: {one_line(error)}",))

    def names(self) -> dict[str, str]:
        """Return how the engine names the venue's symbols."""
        return {one.raw_symbol.value: one.id.value for one in self._cache.instruments()}

    async def flatten(self, flatten_id: str, seconds: float) -> Flattened | None:
        """Empty the venue past the engine; None where that is not possible."""
        try:
            from opslab.safety.flatten.drive import flatten_async  # noqa: PLC0415 - as above

            account, _ = account_of(self._config, self._cache, self._keep)
            if account is None or seconds <= 0 or self.shut_seconds:
                return None
            return await flatten_async(account, flatten_id=flatten_id, seconds=seconds, log=self._log, calm=self.calm)
        except Exception:  # noqa: BLE001 - what is left then says the next look
            return None


def _looked(remains: Remains, names: Mapping[str, str]) -> Looked:
    return Looked(
        orders=tuple(order.client_order_id or str(order.order_id) for order in remains.orders),
        positions={names.get(name, name): f"{amount:f}" for name, amount in remains.positions.items()},
        unknown=tuple(remains.unknown),
        short={name: f"{amount:f}" for name, amount in remains.short.items()},
    )
