"""Wall and CPU time of what a script measures, as the line that `cargo xtask bench` reads."""

import time


class Stopwatch:
    def __init__(self):
        self.seconds, self.cpu = time.perf_counter(), time.process_time()

    def say(self, rows):
        seconds, cpu = time.perf_counter() - self.seconds, time.process_time() - self.cpu
        print(f"measured rows={rows} seconds={seconds} cpu={cpu}")
