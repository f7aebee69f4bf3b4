"""Evidence: what a backtest and a paper run of one intent have in common, and what they have not."""
