"""Market data: import, the data gate, canonical and quarantine, fingerprint."""
