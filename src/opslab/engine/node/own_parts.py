"""The parts that a user's node is built of: strategies, actors, execution algorithms, a controller.

Each is named by paths and holds a dictionary. NautilusTrader imports and reads them when the node is built; here that
is tried before anything is started, so that what is wrong is one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from nautilus_trader.common.config import msgspec_encoding_hook, resolve_config_path, resolve_path
from nautilus_trader.model.data import BarType
from nautilus_trader.model.identifiers import InstrumentId

from opslab.engine.node.names import VENUE
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nautilus_trader.config import TradingNodeConfig

_PATHS = {"strategies": "strategy_path", "actors": "actor_path", "exec_algorithms": "exec_algorithm_path"}


def read_parts(config: TradingNodeConfig) -> dict[str, Any]:
    """Return the settings of every part by where it stands: ``strategies[0]``; each is imported and read.

    Raises:
        EngineError: naming the first part that cannot be had.
    """
    return {where: _read(part, path, where) for where, part, path in _parts(config)}


def broken_parts(config: TradingNodeConfig) -> Iterator[tuple[str, str]]:
    """Yield where each part stands that cannot be had, and why."""
    for where, part, path in _parts(config):
        try:
            _read(part, path, where)
        except EngineError as error:
            yield str(error.where or where), error.what


def instruments_asked(config: TradingNodeConfig) -> dict[str, str]:
    """Return the venue's instruments that strategies and actors name in their settings, with where that is.

    An instrument is what the settings' own types say is one: an ``InstrumentId``, or the one of a ``BarType``.

    Raises:
        EngineError: as ``read_parts``.
    """
    return {
        name: f"{where}.config.{setting}"
        for where, settings in read_parts(config).items()
        for setting in getattr(settings, "__struct_fields__", ())
        for name in _instruments(getattr(settings, setting))
    }


def _parts(config: TradingNodeConfig) -> Iterator[tuple[str, Any, str]]:
    for group, path in _PATHS.items():
        for number, part in enumerate(getattr(config, group)):
            yield f"{group}[{number}]", part, path
    if config.controller is not None:
        yield "controller", config.controller, "controller_path"


def _read(part: Any, path: str, where: str) -> Any:
    try:
        resolve_path(getattr(part, path))
        kind = resolve_config_path(part.config_path)
    except (Exception, SystemExit) as error:  # whatever a foreign module raises is told in one line
        what = f"cannot be imported: {type(error).__name__}: {one_line(error)}"
        fix = f"correct {path} and config_path; each is written module:Class"
        raise EngineError(what, where=where, fix=fix) from error
    try:
        return kind.parse(msgspec.json.encode(part.config, enc_hook=msgspec_encoding_hook))
    except (Exception, SystemExit) as error:
        what = f"cannot be read as a {kind.__name__}: {one_line(error)}"
        raise EngineError(what, where=f"{where}.config", fix="correct its fields") from error


def _instruments(value: Any) -> Iterator[str]:
    if isinstance(value, BarType):
        value = value.instrument_id
    if isinstance(value, InstrumentId):
        if value.venue.value == VENUE:
            yield value.value
    elif isinstance(value, list | tuple | set | frozenset | dict):
        for item in value:
            yield from _instruments(item)
