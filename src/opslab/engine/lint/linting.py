"""Every rule asked of one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.engine.lint.clients import CLIENT_RULES
from opslab.engine.lint.engines import ENGINE_RULES
from opslab.engine.lint.rehearsal import REHEARSAL_RULES
from opslab.engine.lint.rule import Finding, plain

if TYPE_CHECKING:
    from nautilus_trader.config import TradingNodeConfig

RULES = (*ENGINE_RULES, *CLIENT_RULES, *REHEARSAL_RULES)
"""All rules, in the order in which they are told."""


def lint(config: TradingNodeConfig) -> list[Finding]:
    """Return what in ``config`` blinds the node; nothing is connected, and nothing is changed."""
    return [
        Finding(rule.code, setting, plain(value), rule.why, rule.fix)
        for rule in RULES
        for setting, value in rule.look(config)
    ]
