"""How soon the site answers: the time to the first byte of an answer, and its size, of a coinpipe or alerter that runs.

first_byte.py http://127.0.0.1:9464 [ROUNDS] [PATH...]: ROUNDS (100) times each path in turn, over one connection, compressed, and no
sooner again than the site has forgotten its answer; the median, the 99th of 100, and the bytes. Without a path: the market in several
ways, a coin's month, the pipeline, the letters."""

import http.client
import sys
import time
from urllib.parse import urlsplit

# Seconds after which an answer is made anew.
FORGOTTEN = 5.1
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
    # An id of the store that many_quotes.py fills: the hundredth coin.
    paths = [path.format(coin=(100 * 7919) % 39989 + 1) for path in paths or PATHS]
    asked = {path: [] for path in paths}
    for _ in range(int(rounds)):
        forgotten = time.perf_counter() + FORGOTTEN
        for path in paths:
            asked[path].append(ask(connection, path))
        time.sleep(max(0, forgotten - time.perf_counter()))
    for path, answers in asked.items():
        times = sorted(first for first, _ in answers)
        middle, last = (times[len(times) * part // 100] for part in (50, 99))
        print(f"{path:45} p50 {middle:7.1f} ms  p99 {last:7.1f} ms  {answers[-1][1]:8} bytes", flush=True)


main(*sys.argv[1:])
