"""Wall and CPU time of what a script measures, as the line of JSON that `cargo xtask bench` reads."""

import json
import time


class Stopwatch:
    def __init__(self):
        self.seconds, self.cpu = time.perf_counter(), time.process_time()

    def say(self, rows):
        seconds, cpu = time.perf_counter() - self.seconds, time.process_time() - self.cpu
        print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu}))
