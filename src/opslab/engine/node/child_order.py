"""What a node's process is told to run: the first line of its standard input."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opslab.contract.execution import Guard, OnKill, OnStop, Profile
from opslab.contract.spec import Limits
from opslab.engine.node.live import NodeOrder
from opslab.engine.node.own import own_node
from opslab.engine.registry import StrategyContext, StrategyRegistry
from opslab.errors import EngineError


class ChildOrder(BaseModel):
    """What a child process runs.

    Attributes:
        http: the venue's REST base.
        ws: its market streams.
        ws_api: its WebSocket API.
        ws_stream: its user streams.
        api_key: the account's key.
        api_secret: signs requests.
        strategy: ``module:callable`` of the strategy's factory.
        instruments: NautilusTrader's ids.
        bar_types: one of each instrument.
        seed: the run's seed.
        params: of the strategy.
        is_futures: USD-M futures, else spot.
        profile: the node's intervals.
        limits: what the strategy may do at most.
        switches: root of the kill switches that are asked at every order.
        run_id: the run whose switch it is.
        own: ``module:function`` of the user's node, if it is theirs that runs.
        redis_port: of the server that keeps the node's cache.
        engine: further settings of ``LiveExecEngineConfig``.
        guards: the lab's guards that stand around it.
        on_kill: what a pulled switch leads to.
        on_stop: what becomes of orders and positions when it stops.
        keep: of spot: base units by asset that a containment leaves.
        dead_man_seconds: after how long a silence the venue cancels; None: it does not.
        intents: of spot: where closes are written down before they are sent.
        import_paths: where modules are found, beside the usual places.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    http: str
    ws: str
    ws_api: str
    ws_stream: str
    api_key: str = Field(repr=False)
    api_secret: str = Field(repr=False)
    strategy: str
    instruments: tuple[str, ...]
    bar_types: tuple[str, ...]
    seed: int
    params: dict[str, bool | int | float | str]
    is_futures: bool
    profile: Profile
    limits: Limits | None
    switches: Path
    run_id: str
    own: str | None = None
    redis_port: int | None = None
    engine: dict[str, bool | int | float | str] = Field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    on_kill: OnKill = OnKill.FLATTEN
    on_stop: OnStop = OnStop.LEAVE
    keep: dict[str, Decimal] = Field(default_factory=dict)
    dead_man_seconds: float | None = None
    intents: Path | None = None
    import_paths: tuple[str, ...] = ()


def read_order(line: bytes) -> ChildOrder:
    """Return what a line of JSON orders.

    Raises:
        EngineError: it is none; no value is repeated, it may be a key.
    """
    try:
        return ChildOrder.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "order"
        raise EngineError(first["msg"], where=place, fix="start it through opslab") from error


def node_order(order: ChildOrder) -> NodeOrder:
    """Return what the node is asked to run."""
    registry = StrategyRegistry()
    registry.register("own", order.strategy, "the run")
    return NodeOrder(
        factory=registry.factory("own"),
        context=StrategyContext(order.instruments, order.bar_types, order.seed, order.params),
        is_futures=order.is_futures,
        profile=order.profile,
        limits=order.limits,
        own=own_node(order.own) if order.own else None,
        redis_port=order.redis_port,
        engine=order.engine,
        guards=order.guards,
        on_kill=order.on_kill,
        on_stop=order.on_stop,
        dead_man_seconds=order.dead_man_seconds,
        keep=order.keep,
        intents=order.intents,
    )
