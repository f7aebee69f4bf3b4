"""The market data that the venue plays: from datasets to market events, at a chosen pace."""
