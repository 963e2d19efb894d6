"""Fills a store that `coinpipe migrate` made with hours of quotes of many coins, by SQL alone: ten million in minutes.

many_quotes.py sqlite FILE COINS HOURS, or many_quotes.py mysql HOST:PORT/DATABASE COINS HOURS (user and password: lab). Needs
PyMySQL for the latter. The newest hour is the present one. What is in the store before stays; begin with an empty one.
"""

import sqlite3
import sys
from datetime import datetime, timedelta, timezone

MEASURES = {
    "price": "100.0 / c.n * (1 + 0.1 * ((c.n * 7 + {hour}) % 97) / 97)",
    "volume_24h": "1e9 / c.n",
    "volume_change_24h": "(c.n * 13 + {hour}) % 41 - 20.5",
    "percent_change_1h": "(c.n * 17 + {hour}) % 5 - 2.25",
    "percent_change_24h": "(c.n * 19 + {hour}) % 21 - 10.25",
    "percent_change_7d": "(c.n * 23 + {hour}) % 41 - 20.25",
    "percent_change_30d": "1.5",
    "percent_change_60d": "2.5",
    "percent_change_90d": "3.5",
    "market_cap": "1e12 / c.n",
    "market_cap_dominance": "50.0 / c.n",
    "fully_diluted_market_cap": "1.1e12 / c.n",
    "circulating_supply": "1e7",
    "total_supply": "1.2e7",
    "num_market_pairs": "c.n % 1000",
    "cmc_rank": "c.n",
}
COINS = """CREATE {temporary} TABLE bench_coins AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {coins})
    SELECT n, (n * 7919) % 39989 + 1 AS id FROM c"""
LISTS = ", ".join(MEASURES)


class Sqlite:
    """A file."""

    def __init__(self, place):
        self.connection = sqlite3.connect(place)
        self.run("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")

    def run(self, sql):
        self.connection.executescript(sql)

    def commit(self):
        self.connection.commit()

    def instant(self, at):
        return "'" + at.strftime("%Y-%m-%dT%H:%M:%S.000Z") + "'"

    def text(self, *parts):
        return " || ".join(parts)


class Mysql:
    """A database on a server."""

    def __init__(self, place):
        import pymysql

        server, database = place.split("/")
        host, port = server.split(":")
        self.connection = pymysql.connect(host=host, port=int(port), user="lab", password="lab", database=database)
        self.run("SET SESSION max_recursive_iterations = 1000000")

    def run(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def commit(self):
        self.connection.commit()

    def instant(self, at):
        return "'" + at.strftime("%Y-%m-%d %H:%M:%S") + "'"

    def text(self, *parts):
        return f"CONCAT({', '.join(parts)})"


def main():
    kind, place, coins, hours = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    store = Sqlite(place) if kind == "sqlite" else Mysql(place)
    store.run(COINS.format(temporary="TEMPORARY", coins=coins))
    newest = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    begins = newest - timedelta(hours=hours - 1)
    seen = f"{store.instant(begins)}, {store.instant(newest)}"
    symbol, name, slug = store.text("'C'", "n"), store.text("'Coin '", "n"), store.text("'coin-'", "n")
    store.run(
        f"INSERT INTO coin_descriptions (id, symbol, name, slug, tags, first_seen_at, last_seen_at) "
        f"SELECT id, {symbol}, {name}, {slug}, '[\"mineable\"]', {seen} FROM bench_coins ORDER BY id"
    )
    identity = "identity, " if kind == "mysql" else ""
    hashed = "UNHEX(SHA2(n, 256)), " if kind == "mysql" else ""
    store.run(
        f"INSERT INTO coin_names (coin_id, {identity}symbol, name, slug, first_seen_at, last_seen_at) "
        f"SELECT id, {hashed}{symbol}, {name}, {slug}, {seen} FROM bench_coins ORDER BY id"
    )
    for hour in range(hours):
        at = begins + timedelta(hours=hour)
        batch = "'" + at.strftime("%Y-%m-%dT%H:00:00Z/listings/USD") + "'"
        fetched = store.instant(at + timedelta(seconds=200))
        store.run(
            f"INSERT INTO batches (id, slot, endpoint, currencies, simulated, fetched_at, pages, credits) "
            f"VALUES ({batch}, {store.instant(at)}, 'listings', 'USD', 1, {fetched}, 1, 50)"
        )
        store.run(f"INSERT INTO batch_numbers (number, batch_id) VALUES ({hour + 1}, {batch})")
        numbers = ", ".join(MEASURES.values()).format(hour=hour)
        # Quotes of a snapshot are up to three minutes apart.
        for minute in range(3):
            changed = store.instant(at + timedelta(minutes=minute))
            which = f"FROM bench_coins AS c WHERE c.id % 3 = {minute} ORDER BY c.id"
            store.run(
                f"INSERT INTO history (last_updated, coin_id, currency, fetched_at, batch, {LISTS}) "
                f"SELECT {changed}, c.id, 'USD', {fetched}, {hour + 1}, {numbers} {which}"
            )
            if hour == hours - 1:
                store.run(
                    f"INSERT INTO quotes_latest (coin_id, currency, last_updated, fetched_at, batch_id, {LISTS}) "
                    f"SELECT c.id, 'USD', {changed}, {fetched}, {batch}, {numbers} {which}"
                )
        store.commit()


main()
