"""PyMySQL's executemany into both tables of quotes: the bulk upsert that a careful script would make, with the guard
that a newer quote wins. A commit for each page.

    executemany.py PORT DATABASE LATEST HISTORY LATEST_COLUMNS HISTORY_COLUMNS (LATEST_ROWS HISTORY_ROWS)...

The rows are files as LOAD DATA reads them; they are Python's values before the clock starts."""

import sys

import pymysql

from stopwatch import Stopwatch

port, database, latest, history, latest_columns, history_columns, *files = sys.argv[1:]
connection = pymysql.connect(
    host="127.0.0.1", port=int(port), user="lab", password="lab", database=database, charset="utf8mb4", local_infile=True
)
cursor = connection.cursor()


def read(table, columns, file):
    """The rows of a file as values of the types that the table has. No temporary table: those have no partitions."""
    cursor.execute(f"CREATE TABLE typed LIKE {table}")
    cursor.execute(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE typed CHARACTER SET utf8mb4 ({columns})")
    cursor.execute(f"SELECT {columns} FROM typed")
    rows = list(cursor.fetchall())
    cursor.execute("DROP TABLE typed")
    return rows


def upsert(table, columns):
    """An insert in which the newer quote wins. Columns that the guard reads are assigned last: MySQL assigns from left to
    right, and what comes later sees what was assigned before."""
    names = columns.split(", ")
    guards = [name for name in ("fetched_at", "last_updated") if name in names]
    newer = " OR ".join(
        part
        for part, needs in [
            ("VALUES(last_updated) > last_updated", ["last_updated"]),
            ("(VALUES(last_updated) = last_updated AND VALUES(fetched_at) > fetched_at)", ["last_updated", "fetched_at"]),
        ]
        if set(needs) <= set(names)
    )
    others = [name for name in names if name not in guards]
    sets = ", ".join(f"{name} = IF({newer}, VALUES({name}), {name})" for name in others + guards)
    marks = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON DUPLICATE KEY UPDATE {sets}"


pages = [
    (read(latest, latest_columns, files[at]), read(history, history_columns, files[at + 1]))
    for at in range(0, len(files), 2)
]
connection.commit()
into_latest, into_history = upsert(latest, latest_columns), upsert(history, history_columns)

watch = Stopwatch()
for latest_rows, history_rows in pages:
    cursor.executemany(into_latest, latest_rows)
    cursor.executemany(into_history, history_rows)
    connection.commit()
watch.say(sum(len(history_rows) for _, history_rows in pages))
