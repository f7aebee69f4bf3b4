"""``docs/reference/lint.md``: every rule of ``tc lint``, from the rules themselves."""

from __future__ import annotations

from opslab.engine.lint.linting import RULES

from .markdown import page, table

LEAD = """\
`tc lint --node package.module:function` calls your function and looks at the `TradingNodeConfig` that it returns. Each
finding is a line: code, setting, value, what it means, what to set. Several of them are NautilusTrader's defaults:
what your node runs with unless you say otherwise. A finding is advice, so it exits 0; `--strict` exits 1, for a
pipeline. How to rehearse with the same function: [Your own node](../how-to/own-node.md)."""


def render() -> str:
    """Return the page."""
    rows = ((f"`{rule.code}`", rule.objects_when, rule.why, rule.fix) for rule in RULES)
    return page("Lint", LEAD, table(("code", "objects when", "what it means", "what to do"), rows))
