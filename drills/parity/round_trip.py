"""``ops_round_trip`` as it is compared: a backtest and a live node have different names for one futures contract."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opslab.engine.strategies.ops_round_trip import OpsRoundTrip

if TYPE_CHECKING:
    from opslab.engine.registry import StrategyContext


class ParityRoundTrip(OpsRoundTrip):
    """Draws by an instrument's place in the run instead of by its name.

    Args:
        context: the run, as of ``OpsRoundTrip``.
    """

    def __init__(self, context: StrategyContext) -> None:
        super().__init__(context)
        self._draws = {text: random.Random(f"{context.seed}:{place}") for place, text in enumerate(context.bar_types)}


create = ParityRoundTrip
