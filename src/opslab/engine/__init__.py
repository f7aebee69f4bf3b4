"""The engine's adapter: the only package that imports NautilusTrader.

``registry``, ``code`` and ``feed`` are light; importing ``backtest`` or a strategy's module imports the engine, which
takes seconds.
"""
