"""Typed differences between two views of positions, orders and balances, and the check of two files."""
