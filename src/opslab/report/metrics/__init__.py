"""Prometheus metrics of runs and evidence: one catalogue, pure values, exact text, a scan of what changed, a server.

Nothing here loads pydantic or the engine: a scrape of thousands of bundles reads only the few fields that it shows.
"""
