"""Drill bodies that an installed wheel brings along: ``tc drill`` runs them, and so may a user's own drills."""
