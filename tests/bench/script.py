"""The way of the script that coinpipe took the place of: JSON into pandas, pandas into Polars, then row by row a look
whether there is a coin with this symbol, and an UPDATE or an INSERT. The newest quotes only; a commit for each page.

    script.py PORT DATABASE RESPONSE..."""

import json
import sys

import pandas
import polars
import pymysql

from stopwatch import Stopwatch

NUMBERS = [
    "price", "volume_24h", "volume_change_24h", "percent_change_1h", "percent_change_24h", "percent_change_7d",
    "percent_change_30d", "percent_change_60d", "percent_change_90d", "market_cap", "market_cap_dominance",
    "fully_diluted_market_cap",
]  # fmt: skip
SUPPLIES = ["circulating_supply", "total_supply", "max_supply"]
COLUMNS = ["symbol", "name", "cmc_rank", *SUPPLIES, *NUMBERS, "last_updated"]

port, database, *responses = sys.argv[1:]
connection = pymysql.connect(
    host="127.0.0.1", port=int(port), user="lab", password="lab", database=database, charset="utf8mb4"
)
cursor = connection.cursor()
doubles = ", ".join(f"{name} DOUBLE" for name in SUPPLIES + NUMBERS)
cursor.execute(
    f"CREATE TABLE coins_by_symbol (symbol VARCHAR(128) PRIMARY KEY, name VARCHAR(255), cmc_rank INT, {doubles}, "
    "last_updated DATETIME(3)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
sets = ", ".join(f"{name} = %s" for name in COLUMNS[1:])
known = "SELECT symbol FROM coins_by_symbol WHERE symbol = %s"
update = f"UPDATE coins_by_symbol SET {sets} WHERE symbol = %s"
insert = f"INSERT INTO coins_by_symbol ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"

rows = 0
watch = Stopwatch()
for response in responses:
    with open(response, encoding="utf-8") as file:
        coins = pandas.DataFrame(json.load(file)["data"])
    quotes = pandas.DataFrame([quote[0] for quote in coins["quote"]])
    coins = coins.drop(columns=["quote", "last_updated"]).join(quotes[NUMBERS + ["last_updated"]])
    frame = polars.DataFrame({name: coins[name].tolist() for name in COLUMNS}, strict=False)
    percents = [name for name in NUMBERS if name.startswith("percent_")]
    frame = frame.with_columns(
        polars.col("last_updated").str.to_datetime(time_zone="UTC").dt.replace_time_zone(None),
        polars.col(SUPPLIES + NUMBERS).cast(polars.Float64, strict=False).fill_nan(None),
    )
    frame = frame.with_columns(polars.col(percents).round(2)).unique("symbol", keep="first", maintain_order=True)
    for row in frame.iter_rows():
        if cursor.execute(known, row[:1]):
            cursor.execute(update, (*row[1:], row[0]))
        else:
            cursor.execute(insert, row)
        rows += 1
    connection.commit()
watch.say(rows)
