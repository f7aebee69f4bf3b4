"""A plain HTTP client in a process of its own: the same orders to several servers, in turns.

``python -m benchmarks.order_client PORT,PORT... ROUNDS ORDERS``, key and secret in the environment; prints a JSON list
of the medians of each round, one for each port, in seconds. Only the exchange of one request and its answer is
timed: connections are kept open, requests are signed before the clock starts.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import http.client
import json
import os
import socket
import sys
import time
from statistics import median
from urllib.parse import urlencode

PATH = "/fapi/v1/order"


def connected(port: int) -> http.client.HTTPConnection:
    """Return an open connection that does not wait to fill packets."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def signed(number: int, secret: str) -> tuple[str, str]:
    """Return method and target of request ``number``: an order with an even number, its cancel with the next."""
    if number % 2:
        fields = {"symbol": "BTCUSDT", "origClientOrderId": f"order-{number - 1}"}
    else:
        price = str(59_000 + number % 50)
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        fields |= {"price": price, "newClientOrderId": f"order-{number}"}
    query = urlencode({**fields, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return "DELETE" if number % 2 else "POST", f"{PATH}?{query}&signature={signature}"


def asked(
    connection: http.client.HTTPConnection, method: str, target: str, key: str
) -> tuple[float, http.client.HTTPResponse, bytes]:
    """Send one request; return the seconds until its answer was read, and the answer."""
    begun = time.perf_counter()
    connection.request(method, target, headers={"X-MBX-APIKEY": key})
    response = connection.getresponse()
    body = response.read()
    taken = time.perf_counter() - begun
    if response.status != 200:
        raise SystemExit(f"{method} {target}: {response.status} {body[:200]!r}")
    return taken, response, body


def main(words: list[str]) -> None:
    """Measure and print."""
    ports, rounds, orders = [int(port) for port in words[0].split(",")], int(words[1]), int(words[2])
    key, secret = os.environ["BENCH_KEY"], os.environ["BENCH_SECRET"]
    connections = [connected(port) for port in ports]
    medians, number = [], 0
    gc.disable()
    for turn in range(rounds + 1):
        taken: list[list[float]] = [[] for _ in ports]
        for _ in range(2 * orders):
            method, target = signed(number, secret)
            for step in range(len(ports)):
                which = (number // 2 + step) % len(ports)
                taken[which].append(asked(connections[which], method, target, key)[0])
            number += 1
        if turn:  # the first round warms both up
            medians.append([median(one) for one in taken])
    json.dump(medians, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
