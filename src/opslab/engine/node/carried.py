"""What a node knew, put into the cache of the next one before it starts: as a cache database does, without one."""

from __future__ import annotations

from typing import Any

from nautilus_trader.model.enums import OmsType


class Carried:
    """Orders and positions of a node that ends; taken before it is disposed, which empties its cache.

    Accounts are not carried: a client asks for its own when it connects.

    Args:
        cache: the node's.
    """

    def __init__(self, cache: Any) -> None:
        names = [order.client_order_id for order in cache.orders()]
        self._orders = [(cache.order(name), cache.position_id(name), cache.client_id(name)) for name in names]
        self._positions = cache.positions()

    def put(self, cache: Any) -> None:
        """Put them into the cache of a node that was built and is not started yet.

        The order of the steps is that of ``ExecutionEngine.load_cache`` (1.231): objects first, then the indices.
        """
        for order, position_id, client_id in self._orders:
            cache.add_order(order, position_id, client_id)
        for position in self._positions:
            cache.add_position(position, OmsType.NETTING)
        cache.build_index()
