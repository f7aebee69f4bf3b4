"""``tc``: thin commands, one module a group. Each imports what it needs when it runs, so that start-up stays light."""
