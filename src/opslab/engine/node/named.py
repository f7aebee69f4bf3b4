"""Reads the node configuration that a user names as ``package.module:function``."""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any

from nautilus_trader.config import (
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LiveRiskEngineConfig,
    TradingNodeConfig,
)

from opslab.errors import EngineError, OpsLabError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FORM = "name a function as package.module:function"
_ENGINES = {
    "data_engine": LiveDataEngineConfig,
    "risk_engine": LiveRiskEngineConfig,
    "exec_engine": LiveExecEngineConfig,
}


def named_function(reference: str, beside: Path | None = None) -> Callable[[], Any]:
    """Return the function that ``reference`` names.

    Args:
        reference: ``package.module:function``; the function may lie in a class: ``module:Class.function``.
        beside: a directory that modules are looked for in first, as ``python -m`` does with the one it is started in.

    Raises:
        EngineError: it is malformed, its module cannot be imported, or it holds nothing that can be called.
    """
    module_name, separator, path = reference.strip().partition(":")
    if not separator or not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise EngineError(f"{reference!r:.100} names no function", where="node", fix=_FORM)
    if beside is not None and str(beside) not in sys.path:
        sys.path.insert(0, str(beside))
    found: Any = _imported(module_name, reference)
    for name in path.split("."):
        if not hasattr(found, name):
            fix = f"define it there, or {_FORM}"
            raise EngineError(f"module {module_name} has no {path}", where=f"node {reference}", fix=fix)
        found = getattr(found, name)
    if not callable(found):
        raise EngineError("is not a function", where=f"node {reference}", fix="name what returns a TradingNodeConfig")
    called: Callable[[], Any] = found
    return called


def read_config(source: Callable[[], Any] | TradingNodeConfig, name: str) -> TradingNodeConfig:
    """Return the configuration that ``source`` is or returns.

    Args:
        source: a function without arguments, or the configuration itself.
        name: what the user calls it, for messages.

    Raises:
        EngineError: the function raises, or gives something else than a whole ``TradingNodeConfig``.
    """
    where = f"node {name}"
    config: Any = source if isinstance(source, TradingNodeConfig) else _returned(source, where)
    if not isinstance(config, TradingNodeConfig):
        fix = "return a TradingNodeConfig with the strategies in config.strategies"
        raise EngineError(f"gives a {type(config).__name__}, not a TradingNodeConfig", where=where, fix=fix)
    for engine, kind in _ENGINES.items():
        if not isinstance(getattr(config, engine), kind):
            what = f"{engine} is a {type(getattr(config, engine)).__name__}, not a {kind.__name__}"
            raise EngineError(what, where=where, fix="leave it out, or correct it")
    return config


def _imported(module_name: str, reference: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a foreign module raises is told in one line
        what = f"module {module_name} cannot be imported: {type(error).__name__}: {one_line(error)}"
        fix = "correct it, or start where it can be imported from"
        raise EngineError(what, where=f"node {reference}", fix=fix) from error


def _returned(function: Callable[[], Any], where: str) -> Any:
    try:
        returned = function()
    except OpsLabError:
        raise
    except (Exception, SystemExit) as error:
        what = f"raised {type(error).__name__}: {one_line(error)}"
        raise EngineError(what, where=where, fix="correct the function; it takes no arguments") from error
    if inspect.iscoroutine(returned):
        returned.close()  # nobody awaits it
        raise EngineError("is a coroutine function", where=where, fix="return the configuration from a plain def")
    return returned
