"""Empties an account from outside, over the venue's own HTTP API: for when the node cannot, or must not be trusted to.

The course is sans-IO (``course``): it yields requests and pauses and is sent answers, so that every step of it can be
tested without a venue, and one course serves threads and event loops (``drive``).
"""
