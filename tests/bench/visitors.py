"""People who look at the site while something else is measured: so many requests a second, of several views, until it is ended.

visitors.py http://127.0.0.1:9464 [RATE]: RATE (20) requests a second, each over a connection of its own, compressed. Says at its end how many
were answered, and how soon."""

import http.client
import signal
import sys
import time
from urllib.parse import urlsplit

PATHS = ["/", "/?sort=percent_change_24h&order=desc", "/coins/32110?range=30d", "/?page=2", "/pipeline"]


class Ended(Exception):
    """Asked to stop."""


def end(*_):
    raise Ended


def main(address, rate=20):
    place, every, times = urlsplit(address).netloc, 1 / float(rate), []
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    began = due = time.perf_counter()
    try:
        while True:
            time.sleep(max(0, due - time.perf_counter()))
            due += every
            connection = http.client.HTTPConnection(place, timeout=30)
            asked = time.perf_counter()
            connection.request("GET", PATHS[len(times) % len(PATHS)], headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            times.append(time.perf_counter() - asked)
            assert answer.status == 200, answer.status
            answer.read()
            connection.close()
    except Ended:
        pass
    times.sort()
    if times:
        rate = len(times) / (time.perf_counter() - began)
        middle, last = (times[len(times) * part // 100] * 1000 for part in (50, 99))
        print(f"{len(times)} answers, {rate:.1f} a second, first byte p50 {middle:.1f} ms, p99 {last:.1f} ms")


main(*sys.argv[1:])
