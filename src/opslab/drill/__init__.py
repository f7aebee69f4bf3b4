"""Rehearsals: phases, faults, checks over the history, budgets, and the verdict. No engine, no venue, no pytest."""
