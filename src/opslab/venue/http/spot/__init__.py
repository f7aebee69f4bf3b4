"""Binance spot over HTTP: ``/api/v3`` and the few ``/sapi`` endpoints that clients ask for when they start."""
