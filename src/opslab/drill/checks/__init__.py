"""Checks: pure functions over the history, under one name that Python and YAML share.

>>> from opslab.drill.checks import check, failed, passed
>>> @check("orders.some")
... def some_orders(history, spec):
...     count = history.run.metrics.orders_submitted
...     return passed(f"{count} orders") if count else failed("OPS-ORD-NONE", "no order was sent")
"""

from opslab.drill.checks.registry import Check, Judgement, check, failed, find_check, known_checks, passed, unknown

__all__ = ["Check", "Judgement", "check", "failed", "find_check", "known_checks", "passed", "unknown"]
