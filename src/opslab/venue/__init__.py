"""The fake Binance: a deterministic core that keeps the true books, and thin shells over HTTP and WebSocket.

Data flows one way: tape -> exchange -> payloads -> shells. Faults act at three doors: a command coming in, a report
going out, a stream. Nothing here knows an engine.
"""
