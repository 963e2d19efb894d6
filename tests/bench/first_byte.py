"""How soon the site answers: the time to the first byte of an answer, and its size, of a coinpipe or alerter that runs.

first_byte.py http://127.0.0.1:9464 [ROUNDS] [PATH...]: ROUNDS (100) times each path in turn, over one connection, compressed, never
from a cache; the median, the 99th of 100, and the bytes. Without a path: the market in several ways, a coin's month, the pipeline, the letters."""

import http.client
import sys
import time
from urllib.parse import urlsplit

PATHS = [
    "/",
    "/?sort=percent_change_24h&order=desc",
    "/?sort=name",
    "/?search=coin&page=3",
    "/?size=500",
    "/coins/{coin}?range=30d",
    "/coins/{coin}?range=all",
    "/pipeline",
    "/letters",
    "/api/coins?limit=100",
    "/api/coins/{coin}/history?limit=500",
]


def ask(connection, path):
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()  # the head is there: the first byte came
    first = time.perf_counter() - began
    body = answer.read()
    assert answer.status == 200, f"{path}: {answer.status} {body[:200]}"
    return first * 1000, len(body)


def main(address, rounds=100, *paths):
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    for path in paths or PATHS:
        # An id of the store that many_quotes.py fills: the hundredth coin.
        path = path.format(coin=(100 * 7919) % 39989 + 1)
        asked = [ask(connection, path) for _ in range(int(rounds))]
        times = sorted(first for first, _ in asked)
        print(f"{path:45} p50 {times[len(times) // 2]:7.1f} ms  p99 {times[len(times) * 99 // 100]:7.1f} ms  {asked[-1][1]:8} bytes", flush=True)


main(*sys.argv[1:])
