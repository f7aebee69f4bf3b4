"""Binance USD-M futures over HTTP: everything below ``/fapi``."""
