"""Brings this lab's YAML scenarios into ``pytest drills/``."""

from opslab import Scenarios

scenarios = Scenarios("../scenarios")
