#!/usr/bin/env python3
"""Layouts of the history in SQLite: fills each, forwards and backwards, and says what it costs.

    python3 tests/bench/layout/sqlite.py [pages of 5,000 quotes, 100] [layout...]

Real-size chunks: 5,000 coins in the order of rank, four pages (20 chunks of 1,000) a transaction, sorted by the
table's key. WAL, synchronous=FULL, 2 MB of cache, as coinpipe has them.
"""
import datetime
import os
import random
import sqlite3
import sys
import tempfile
import time

MEASURES = ("price volume_24h volume_change_24h percent_change_1h percent_change_24h percent_change_7d "
            "percent_change_30d percent_change_60d percent_change_90d market_cap market_cap_dominance "
            "fully_diluted_market_cap circulating_supply total_supply max_supply").split()
COLUMNS = ", ".join(f"{m} REAL" for m in MEASURES) + ", num_market_pairs INTEGER, cmc_rank INTEGER, missing_fields TEXT"
BATCHES = "CREATE TABLE batches (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, fetched_at TEXT NOT NULL) STRICT"
KEY, TIME = "coin_id, currency, last_updated", "last_updated, coin_id, currency"
LAYOUTS = {  # columns that say where a quote is from, key, indexes
    "today": ("fetched_at TEXT NOT NULL, batch_id TEXT NOT NULL", KEY, ["last_updated"]),
    "number": ("fetched_at TEXT NOT NULL, batch INTEGER NOT NULL", KEY, ["last_updated"]),
    "page": ("page INTEGER NOT NULL", KEY, ["last_updated"]),
    "time_number": ("fetched_at TEXT NOT NULL, batch INTEGER NOT NULL", TIME, ["coin_id, currency, last_updated"]),
    "time_page": ("page INTEGER NOT NULL", TIME, ["coin_id, currency, last_updated"]),
    "rowid_page": ("page INTEGER NOT NULL", None, ["last_updated"]),
}
START = datetime.datetime(2026, 1, 1)


def page(hour):
    """5,000 quotes of one hour in the order of rank, as tuples; last: instants and batch."""
    r = random.Random(hour)
    slot = START + datetime.timedelta(hours=hour)
    stale = slot - datetime.timedelta(minutes=7)
    text = lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    rows = []
    for rank in range(1, 5001):
        coin = 1 + (rank * 2741 % 5003) * 7
        price = 1e5 / rank ** 1.6 * (1 + 0.1 * r.random())
        percents = [round(r.random() * 20 - 10, 2) for _ in range(7)]
        cap = float(f"{price * 2e7 * (1 + r.random()):.14e}")
        supply = round(2e7 * (1 + r.random()), 8)
        rows.append((coin, "USD", price, cap * 0.05, *percents, cap, round(cap / 4e10, 4), cap * 1.1, supply, supply * 1.1,
                     None if rank % 3 == 0 else 1e9, 5000 // rank + 3, rank, None, text(stale if rank % 50 == 0 else slot)))
    return rows, slot.strftime("%Y-%m-%dT%H:%M:%S.345Z"), slot.strftime("%Y-%m-%dT%H:%M:%SZ/listings/USD")


def fill(folder, name, pages, backwards):
    source, key, indexes = LAYOUTS[name]
    path = os.path.join(folder, f"{name}.db")
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.remove(path + end)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(BATCHES)
    columns = f"coin_id INTEGER NOT NULL, currency TEXT NOT NULL, {COLUMNS}, last_updated TEXT NOT NULL, {source}"
    unique = f", PRIMARY KEY ({key})) STRICT, WITHOUT ROWID" if key else f", UNIQUE ({KEY})) STRICT"
    db.execute(f"CREATE TABLE history ({columns}{unique}")
    for number, index in enumerate(indexes):
        db.execute(f"CREATE INDEX history_{number} ON history ({index})")
    width = columns.count(",") + 1
    sql = f"INSERT INTO history VALUES ({', '.join('?' * width)})"
    by_time = key == TIME or not key
    hours = list(range(pages))
    if backwards:
        hours.reverse()
    cpu = wall = rows_done = 0
    for at in range(0, pages, 4):
        rows = []
        batches = []
        for hour in hours[at:at + 4]:
            quotes, fetched, batch = page(hour)
            tail = {"today": (fetched, batch), "number": (fetched, hour + 1)}.get(name.replace("time_", ""), (hour + 1,))
            rows += [quote + tail for quote in quotes]
            batches.append((hour + 1, batch, fetched))
        rows.sort(key=(lambda q: (q[20], q[0])) if by_time else (lambda q: (q[0], q[20])))
        cpu_before, wall_before = time.process_time(), time.monotonic()
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO batches VALUES (?, ?, ?)", batches)
        db.executemany(sql, rows)
        db.execute("COMMIT")
        if at >= pages * 4 // 5:
            cpu += time.process_time() - cpu_before
            wall += time.monotonic() - wall_before
            rows_done += len(rows)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    quotes = pages * 5000
    print(f"{name:<12} {quotes / 1e6:4.1f}M {'back' if backwards else 'fwd':<4} {os.path.getsize(path) / quotes:4.0f} bytes a quote; "
          f"last fifth {rows_done / wall:7.0f} rows/s, {cpu / rows_done * 1e5:5.2f} s of CPU for 100,000", flush=True)
    return db


def ask(db, name, pages):
    """Through the view that users query."""
    number = name.replace("time_", "").replace("rowid_", "")
    measures = ", ".join(f"h.{m}" for m in MEASURES) + ", h.num_market_pairs, h.cmc_rank, h.missing_fields, h.last_updated"
    tail, join = {"today": ("h.fetched_at, h.batch_id", ""),
                  "number": ("h.fetched_at, b.id AS batch_id", " LEFT JOIN batches AS b ON b.number = h.batch"),
                  "page": ("b.fetched_at, b.id AS batch_id", " LEFT JOIN batches AS b ON b.number = h.page")}[number]
    db.execute(f"CREATE VIEW quotes_history AS SELECT h.coin_id, h.currency, {measures}, {tail} FROM history AS h{join}")
    hour = (START + datetime.timedelta(hours=pages // 2)).strftime("%Y-%m-%dT%H")
    for what, sql in {
        "a coin's prices": "SELECT last_updated, price, currency FROM quotes_history WHERE coin_id = 8 AND currency = 'USD' ORDER BY last_updated",
        "all of a coin": "SELECT * FROM quotes_history WHERE coin_id = 8 AND currency = 'USD' ORDER BY last_updated",
        "the market at an hour": f"SELECT coin_id, price, fetched_at, batch_id FROM quotes_history WHERE last_updated BETWEEN '{hour}:00:00.000Z' AND '{hour}:59:59.999Z' ORDER BY price DESC",
        "newest": "SELECT max(last_updated) FROM quotes_history",
        "count": "SELECT count(*) FROM quotes_history",
    }.items():
        best = 9e9
        for _ in range(3):
            before = time.monotonic()
            rows = len(db.execute(sql).fetchall())
            best = min(best, time.monotonic() - before)
        plan = "; ".join(step[3] for step in db.execute("EXPLAIN QUERY PLAN " + sql))
        print(f"    {what:<22} {best * 1000:8.1f} ms {rows:6} rows  {plan}")
    before = time.process_time()
    until = (START + datetime.timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    gone = 0
    while True:
        steps = db.execute(f"DELETE FROM history WHERE ({KEY}) IN (SELECT {KEY} FROM history WHERE last_updated < '{until}' ORDER BY last_updated LIMIT 1000)").rowcount
        gone += steps
        if steps == 0:
            break
    print(f"    deleted {gone} in steps of 1,000: {(time.process_time() - before) / max(gone, 1) * 1e5:.2f} s of CPU for 100,000", flush=True)


def main():
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        for name in sys.argv[2:] or LAYOUTS:
            for backwards in (False, True):
                db = fill(folder, name, pages, backwards)
                if not backwards:
                    ask(db, name, pages)
                db.close()
                os.remove(os.path.join(folder, f"{name}.db"))


main()
