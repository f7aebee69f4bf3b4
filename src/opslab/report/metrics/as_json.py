"""A run's metrics for scripts that read JSON: the same families and samples as in the Prometheus text format."""

from __future__ import annotations

import math
from typing import Any

from prometheus_client.parser import text_string_to_metric_families


def families_of(text: bytes) -> list[dict[str, Any]]:
    """Return the families of a page of metrics.

    Args:
        text: the page, in the Prometheus text format.

    Returns:
        For each its name, type, help and samples; a sample has a name, labels and a value. A value that JSON has no
        number for is text: ``NaN``, ``+Inf`` or ``-Inf``.
    """
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [
                {"name": sample.name, "labels": dict(sample.labels), "value": _number(sample.value)}
                for sample in family.samples
            ],
        }
        for family in text_string_to_metric_families(text.decode())
    ]


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
