#!/usr/bin/env python3
"""Users' queries on layouts of the history that insert's `layout ... keep` left behind, through the view that users ask.

    python3 tests/bench/layout/queries.py PORT [layout=table...]

Each is asked four times, of four coins; the first is cold when the server has just been started without its old buffer pool
(COLD=1 leaves out what reads the whole table).
"""
import os
import sys
import time

import pymysql

MEASURES = ("price volume_24h volume_change_24h percent_change_1h percent_change_24h percent_change_7d percent_change_30d "
            "percent_change_60d percent_change_90d market_cap market_cap_dominance fully_diluted_market_cap circulating_supply "
            "total_supply max_supply num_market_pairs cmc_rank missing_fields last_updated").split()


def view(layout, table):
    measures = ", ".join("h." + m for m in MEASURES)
    if layout.endswith("ids"):
        return (f"SELECT h.coin_id, c.code AS currency, {measures}, b.fetched_at, b.id AS batch_id FROM {table} AS h "
                "LEFT JOIN bench_currencies AS c ON c.id = h.currency LEFT JOIN bench_batches AS b ON b.number = h.batch")
    if layout == "today":
        return f"SELECT h.coin_id, h.currency, {measures}, h.fetched_at, h.batch AS batch_id FROM {table} AS h"
    return (f"SELECT h.coin_id, h.currency, {measures}, h.fetched_at, b.id AS batch_id FROM {table} AS h "
            "LEFT JOIN bench_batches AS b ON b.number = h.batch")


def main():
    db = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="lab", password="lab", database="coinpipe", autocommit=True)
    ask = db.cursor()
    ask.execute("CREATE TABLE IF NOT EXISTS bench_currencies (id SMALLINT UNSIGNED PRIMARY KEY, code VARCHAR(512) UNIQUE) "
                "COLLATE utf8mb4_nopad_bin")
    ask.execute("INSERT IGNORE INTO bench_currencies VALUES (1, 'USD'), (2, 'EUR')")
    ask.execute("CREATE TABLE IF NOT EXISTS bench_batches (number INT UNSIGNED PRIMARY KEY, id VARCHAR(512) UNIQUE, fetched_at "
                "DATETIME(3)) COLLATE utf8mb4_nopad_bin")
    ask.execute("INSERT IGNORE INTO bench_batches SELECT seq + 1, DATE_FORMAT('2026-01-01' + INTERVAL seq HOUR, "
                "'%Y-%m-%dT%H:%i:%sZ/listings/USD'), '2026-01-01' + INTERVAL seq HOUR FROM seq_0_to_2999")
    for pair in sys.argv[2:]:
        layout, table = pair.split("=")
        ask.execute(f"CREATE OR REPLACE VIEW bench_view AS {view(layout, table)}")
        hours = int(table.split("_")[-3])
        day, middle = hours // 48, f"2026-01-01' + INTERVAL {hours // 2} HOUR"
        print(table)
        queries = {
            "a coin's prices (README)": "SELECT last_updated, price, currency FROM bench_view WHERE coin_id = {coin} AND currency = (SELECT code FROM bench_currencies WHERE id = 1) ORDER BY last_updated",
            "all of a coin's month": f"SELECT * FROM bench_view WHERE coin_id = {{coin}} AND currency = 'USD' AND last_updated BETWEEN '2026-01-01' + INTERVAL {max(day - 15, 0)} DAY AND '2026-01-01' + INTERVAL {day + 15} DAY ORDER BY last_updated",
            "the market at an hour": f"SELECT coin_id, currency, price, market_cap, fetched_at, batch_id FROM bench_view WHERE last_updated BETWEEN '{middle} AND '{middle} + INTERVAL 59 MINUTE ORDER BY market_cap DESC",
            "newest": "SELECT MAX(last_updated) FROM bench_view",
            "all quotes of a batch": f"SELECT COUNT(*), AVG(price) FROM bench_view WHERE batch_id = (SELECT id FROM bench_batches WHERE number = {hours // 2})",
        }
        for what, sql in queries.items():
            if what.startswith("all quotes") and os.environ.get("COLD"):
                continue
            times = []
            for turn in range(4):
                coin = [16801, 22, 27994, 7561][turn]  # another coin each time: as cold as it comes
                before = time.monotonic()
                ask.execute(sql.format(coin=coin))
                rows = len(ask.fetchall())
                times.append(time.monotonic() - before)
            ask.execute("EXPLAIN " + sql.format(coin=8))
            plan = "; ".join(f"{row[2]} {row[3]} {row[5]}" for row in ask.fetchall())
            print(f"    {what:<26} {' '.join(f'{t * 1000:8.1f}' for t in times)} ms, {rows:6} rows   {plan}", flush=True)


main()
