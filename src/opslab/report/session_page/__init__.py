"""``index.html`` of a session: one page for people that needs nothing but itself, no network and no script."""
