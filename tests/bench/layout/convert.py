#!/usr/bin/env python3
"""What it costs to delete the oldest quotes in steps, and to bring a table of today's layout into the new one.

    python3 tests/bench/layout/convert.py PORT PID prune TABLE QUOTES
    python3 tests/bench/layout/convert.py PORT PID copy TABLE NEW_TABLE HOURS_OF_A_WINDOW [scan]
    python3 tests/bench/layout/convert.py PORT PID alter TABLE QUOTES
    python3 tests/bench/layout/convert.py PORT PID number TABLE NEW_TABLE HOURS_OF_A_WINDOW

`alter` turns the keys around in one statement; `number` copies a table that had that, with numbers for its batches.
"""
import datetime
import sys
import time

import pymysql


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main():
    port, pid, what, table = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    db = pymysql.connect(host="127.0.0.1", port=port, user="lab", password="lab", database="coinpipe", autocommit=True)
    ask = db.cursor()
    ask.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    used, began = cpu(pid), time.monotonic()
    done = steps = 0
    if what == "prune":
        while done < int(sys.argv[5]):
            ask.execute(f"DELETE FROM {table} WHERE last_updated < '2030-01-01' ORDER BY last_updated LIMIT 1000")
            done += ask.rowcount
            steps += 1
            if ask.rowcount == 0:
                break
        time.sleep(3)  # purge
    elif what == "alter":  # only the keys
        ask.execute(f"ALTER TABLE {table} DROP PRIMARY KEY, DROP KEY last_updated, ADD PRIMARY KEY (last_updated, coin_id, currency), "
                    "ADD KEY (coin_id, currency, last_updated), ALGORITHM=INPLACE, LOCK=NONE")
        done, steps = int(sys.argv[5]), 1
    elif what == "number":
        new, hours = sys.argv[5], int(sys.argv[6])
        ask.execute(f"CREATE TABLE IF NOT EXISTS {new} LIKE {table}")
        ask.execute(f"ALTER TABLE {new} MODIFY batch INT UNSIGNED NOT NULL")
        ask.execute(f"SELECT MIN(last_updated), MAX(last_updated) FROM {table}")
        at, last = ask.fetchone()
        ask.execute(f"SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position SEPARATOR ', ') FROM information_schema.columns "
                    "WHERE table_schema = DATABASE() AND table_name = %s AND column_name <> 'batch'", (table,))
        (columns,) = ask.fetchone()
        used, began = cpu(pid), time.monotonic()
        while at <= last:
            end = at + datetime.timedelta(hours=hours)
            ask.execute(f"INSERT IGNORE INTO {new} ({columns}, batch) SELECT {columns}, (SELECT number FROM bench_batches WHERE id = h.batch) "
                        f"FROM {table} AS h WHERE h.last_updated >= %s AND h.last_updated < %s", (at, end))
            done += ask.rowcount
            steps += 1
            at = end
    else:
        index = "IGNORE INDEX (last_updated)" if sys.argv[7:] == ["scan"] else "FORCE INDEX (last_updated)"
        new, hours = sys.argv[5], int(sys.argv[6])
        ask.execute(f"CREATE TABLE IF NOT EXISTS {new} LIKE {table}")
        ask.execute(f"ALTER TABLE {new} DROP PRIMARY KEY, DROP KEY last_updated, MODIFY batch INT UNSIGNED NOT NULL, "
                    "ADD PRIMARY KEY (last_updated, coin_id, currency), ADD KEY (coin_id, currency, last_updated)")
        ask.execute(f"SELECT MIN(last_updated), MAX(last_updated) FROM {table}")
        at, last = ask.fetchone()
        columns = "h.coin_id, h.currency, price, volume_24h, volume_change_24h, percent_change_1h, percent_change_24h, percent_change_7d, percent_change_30d, percent_change_60d, percent_change_90d, market_cap, market_cap_dominance, fully_diluted_market_cap, circulating_supply, total_supply, max_supply, num_market_pairs, cmc_rank, missing_fields, h.last_updated, h.fetched_at, b.number"
        while at <= last:
            end = at + datetime.timedelta(hours=hours)
            ask.execute(f"INSERT IGNORE INTO {new} SELECT {columns} FROM {table} AS h {index} STRAIGHT_JOIN bench_batches AS b ON b.id = h.batch "
                        "WHERE h.last_updated >= %s AND h.last_updated < %s ORDER BY h.last_updated, h.coin_id, h.currency", (at, end))
            done += ask.rowcount
            steps += 1
            at = end
    wall = time.monotonic() - began
    print(f"{what} {table}: {done} quotes in {steps} steps, {wall:.1f} s, {(cpu(pid) - used) / done * 1e5:.2f} s of the server's CPU for 100,000, "
          f"{done / wall:.0f} a second")


main()
