"""The kill switch: what forbids new risk. Pure decisions over bytes, the files behind them, and the gate that asks.

Everything absent where it should be present, unreadable, inconsistent or out of order reads as *active*.
"""
