"""Names the settings of a live node that blind it: pure rules over a ``TradingNodeConfig``."""
