"""SQLite's own bulk upsert from Python: the tables and rows that coinpipe writes, the guard that a newer quote wins, 1,000 rows
of both tables in a transaction, and the settings of coinpipe's files.

    sqlite.py dump FILE PICKLE      keeps what a page wrote into FILE, and empties the history there
    sqlite.py load FILE PICKLE...   loads it into a new FILE, measured"""

import pickle
import sqlite3
import sys

from stopwatch import Stopwatch

ROWS = 1000


def tables(connection):
    """The two tables with a price: the one whose key has no time holds the newest quotes, the other one all."""
    found = {}
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = connection.execute(f"SELECT name, pk FROM pragma_table_info('{name}')").fetchall()
        if any(column == "price" for column, _ in columns):
            key = [column for column, place in columns if place]
            found["history" if "last_updated" in key else "latest"] = (name, [column for column, _ in columns], key)
    assert set(found) == {"latest", "history"}, found
    return found


def dump(connection, pickle_file):
    kept = {}
    for kind, (name, columns, key) in tables(connection).items():
        made = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC", [name]
        ).fetchall()
        order = " ORDER BY cmc_rank" if "cmc_rank" in columns else ""
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM {name}{order}").fetchall()
        kept[kind] = {"name": name, "columns": columns, "key": key, "made": [sql for (sql,) in made], "rows": rows}
    connection.execute(f"DELETE FROM {kept['history']['name']}")
    connection.commit()
    with open(pickle_file, "wb") as file:
        pickle.dump(kept, file)


def upsert(table):
    name, columns, key = table["name"], table["columns"], table["key"]
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    guards = [column for column in ("last_updated", "fetched_at") if column in columns]
    guard = f"({', '.join(f'excluded.{column}' for column in guards)}) > ({', '.join(f'{name}.{column}' for column in guards)})"
    where = f" WHERE {guard}" if guards else ""
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets}{where}"
    )


def load(connection, pickle_files):
    pages = []
    for pickle_file in pickle_files:
        with open(pickle_file, "rb") as file:
            pages.append(pickle.load(file))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for kind in ("latest", "history"):
        for sql in pages[0][kind]["made"]:
            connection.execute(sql)
    connection.commit()
    upserts = {kind: upsert(pages[0][kind]) for kind in ("latest", "history")}
    watch = Stopwatch()
    for page in pages:
        for begin in range(0, len(page["latest"]["rows"]), ROWS):
            for kind in ("latest", "history"):
                connection.executemany(upserts[kind], page[kind]["rows"][begin : begin + ROWS])
            connection.commit()
    watch.say(sum(len(page["history"]["rows"]) for page in pages))


command, file, *pickle_files = sys.argv[1:]
if command == "dump":
    dump(sqlite3.connect(file), pickle_files[0])
else:
    load(sqlite3.connect(file), pickle_files)
