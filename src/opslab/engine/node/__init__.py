"""The live node: NautilusTrader's ``TradingNode`` with its unmodified Binance adapter, tied to a venue on loopback."""
