"""A venue: the core, its faults and its shells put together, on one event loop."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from opslab.clock import SystemClock
from opslab.errors import OpsLabError, StoreError, VenueError, one_line
from opslab.venue.clock import VenueClock
from opslab.venue.control import Control
from opslab.venue.exchange import Exchange
from opslab.venue.faults.catalogue import read_fault
from opslab.venue.faults.gate import FaultGate
from opslab.venue.handles import Handles
from opslab.venue.http.admission import Desk
from opslab.venue.orders import Market
from opslab.venue.routes import routes_of
from opslab.venue.server import Server
from opslab.venue.setup import Endpoint, VenueSetup, new_account
from opslab.venue.stream.api_door import api_door
from opslab.venue.stream.feed import Feed
from opslab.venue.stream.hub import Hub
from opslab.venue.stream.listen_keys import ListenKey, ListenKeys
from opslab.venue.stream.rules import rules_of
from opslab.venue.stream.sockets import Sockets
from opslab.venue.tape.player import Player
from opslab.venue.wire import WireLog
from opslab.venue.wire_file import WireFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.clock import Clock
    from opslab.venue.faults.injection import Injection
    from opslab.venue.wire import WireRecord

_FLUSH_SECONDS = 1.0


class Venue:
    """A fake Binance. Everything but ``wire`` is used on its loop only.

    Args:
        setup: what it begins with.
        clock: the machine's clock.
        alarm: is told at once of what keeps the venue from being a witness; whoever runs it ends it then.

    Attributes:
        setup: as given.
        accounts: whose keys are known, the keys included.
        clock: the venue's clock.
        wire: every request, reply, socket and message.
        exchange: the true books.
        gate: the faults.
        keys: the listen keys.
        hub: the connections and what they listen to.
        desk: answers requests.
        player: plays the tape; None without one.
        trouble: what keeps the venue from being a witness, such as a full disk under its wire log; None: nothing.

    Raises:
        OpsLabError: the listings or accounts make no venue.
    """

    def __init__(
        self, setup: VenueSetup, clock: Clock | None = None, alarm: Callable[[OpsLabError], None] = lambda _: None
    ) -> None:
        self.setup, self._alarm = setup, alarm
        self.accounts = setup.accounts or (new_account(setup.market),)
        self.clock = VenueClock(clock or SystemClock(), setup.clock_offset_ms)
        now_ms = self.clock.now_ms
        self._file: WireFile | None = None
        self.wire = WireLog(now_ms, self._write)
        self.exchange = Exchange(setup.market, setup.listings, self.accounts, now_ms, seed=setup.seed)
        self.gate = FaultGate(self.wire, seed=setup.seed)
        life_ms = int(setup.listen_key_minutes * 60_000)
        self.keys = ListenKeys(now_ms, lambda: secrets.token_hex(32), life_ms, self._key_ended)
        feed, gate = Feed(setup.market, self.exchange, now_ms), self.gate
        self.hub = Hub(feed, self.keys, gate.leaving, self.wire, lambda: gate.is_quiet)
        names = tuple(account.name for account in self.accounts)
        self.gate.levers = Handles(self.exchange, self.hub, self.keys, self.clock, names)
        self.desk = Desk(
            market=setup.market,
            exchange=self.exchange,
            routes=routes_of(setup.market),
            accounts=self.accounts,
            now_ms=now_ms,
            wire=self.wire,
            limits=setup.limits,
            gate=self.gate,
            listen_keys=self.keys,
        )
        self.exchange.on_ledger(self._guarded(self.gate.ledger_event))
        self.exchange.on_ledger(self._guarded(self.hub.ledger_event))
        self.exchange.on_market(self._guarded(self.hub.published))
        self.player: Player | None = None
        self.trouble: OpsLabError | None = None
        self._server: Server | None = None
        self._endpoint: Endpoint | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flushed = 0.0
        self._tape_told = False

    @property
    def endpoint(self) -> Endpoint:
        """Where it is found.

        Raises:
            VenueError: it was not started.
        """
        if self._endpoint is None:
            raise VenueError("the venue was not started", fix="start it first")
        return self._endpoint

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Endpoint:
        """Listen and play the tape; returns where it is found.

        Raises:
            VenueError: ``host`` is not loopback, or the port cannot be had.
            OpsLabError: the tape cannot be played, or the wire log's file cannot be created.
        """
        token, now_ms = secrets.token_hex(32), self.clock.now_ms
        if self.setup.tape is not None:
            self.setup.tape.require_listed(self.exchange.listings)
            pace, horizon = self.setup.pace, self.setup.horizon_seconds
            self.player = Player(self.setup.tape, self.exchange.apply, now_ms, pace=pace, horizon_seconds=horizon)
        rules = self.setup.rules or rules_of(self.setup.market)
        door = api_door(self.desk, self.hub, self.wire, now_ms) if self.setup.market is Market.SPOT else None
        sockets = Sockets(self.hub, self.keys, self.gate, rules, self.wire, now_ms, door)
        server = Server(self.desk, sockets, Control(self, token).handle, self.note)
        found = await server.start(host, port)
        self._server = server
        try:
            if self.setup.wire_path is not None:
                self._file = WireFile(self.setup.wire_path)
            self._endpoint = Endpoint.at(self.setup.market, *found, token)
            if self.player is not None:
                self.player.start(held=self.setup.is_held, opened=self.setup.is_opened)
        except BaseException:
            await self.stop()
            raise
        self._tick()
        return self._endpoint

    def inject(self, data: Mapping[str, Any]) -> Injection:
        """Put the fault in force that plain data describe, by its name in the catalogue.

        Args:
            data: ``fault``, its settings, and when it is in force (``after``, ``for``, ``times``, ``probability``).

        Raises:
            DrillError: they describe none, or it cannot be put in force here.
        """
        fault, schedule = read_fault(data)
        return self.gate.inject(fault, schedule)

    async def stop(self) -> None:
        """Heal every fault and close everything; calling it again does nothing."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self.player is not None:
                await self.player.stop()
            self.gate.heal_all()
        finally:
            await server.stop()
            self.hub.runs.flush()
            self._close_file()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.setup.tick_seconds, self._tick)
        self.time_passes()
        if loop.time() - self._flushed >= _FLUSH_SECONDS:
            self._flushed = loop.time()
            self.hub.runs.flush()

    def _key_ended(self, key: ListenKey) -> None:
        self.hub.ended(key)

    def time_passes(self) -> None:
        """Do what is due by the venue's clock: expiries, funding, countdowns, listen keys, sockets that are too old."""
        self._guarded(lambda _: self._do_what_is_due())(None)

    def _do_what_is_due(self) -> None:
        if self.player is not None and self.player.error is not None and not self._tape_told:
            self._tape_told = True
            self.note(self.player.error, "tape")
        self.exchange.tick()
        self.desk.tick()
        for key in self.keys.due():
            self.hub.expired(key)
        self.hub.time_is(self.clock.now_ms())

    def _guarded[T](self, callback: Callable[[T], Any]) -> Callable[[T], None]:
        """Return ``callback`` such that a defect of ours is noted and the exchange's books stay whole."""

        def call(event: T) -> None:
            try:
                callback(event)
            except Exception as error:  # noqa: BLE001 - whatever it is, the wire log tells of it and tests look there
                self.note(error, one_line(event))

        return call

    def _write(self, record: WireRecord) -> None:
        file = self._file
        if file is None:
            return
        try:
            file.write(record)
        except OSError as error:
            self._abandon(file, error)

    def _abandon(self, file: WireFile, error: OSError) -> None:
        """Write no more into the wire log's file, and tell whoever runs the venue, and who asks."""
        self._file = None
        file.abandon()
        self.trouble = StoreError(
            f"cannot be written: {error.strerror}", where=self.setup.wire_path, fix="check space and rights"
        )
        self._alarm(self.trouble)

    def note(self, error: Exception, event: str) -> None:
        """Write down a defect of ours, which a drill must notice.

        Args:
            error: what was raised.
            event: where it showed.
        """
        self.wire.add("error", error=type(error).__name__, message=one_line(error), event=event)

    def _close_file(self) -> None:
        file = self._file
        if file is None:
            return
        try:
            file.close()
        except OSError as error:
            self._abandon(file, error)
        self._file = None
