#!/usr/bin/env bash
# What `coinpipe migrate` costs for a history that the version before left: HOURS snapshots of 5,000 quotes, filled forwards, on a
# private MariaDB with its defaults. Ends by comparing all quotes with what was there before.
#
#     tests/bench/migrate.sh COINPIPE HOURS
set -euo pipefail
coinpipe=$(realpath "$1") hours=$2
steps=$(realpath "$(dirname "$0")/../../migrations/mysql")
folder=$(mktemp -d)
mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --user=root --datadir="$folder/data" > /dev/null
mkdir "$folder/tmp"
mariadbd --no-defaults --user=root --datadir="$folder/data" --tmpdir="$folder/tmp" --socket="$folder/s" --port=19303 2> "$folder/log" &
server=$!
trap 'kill $server; wait $server || true; rm -rf "$folder"' EXIT
sql() { mariadb -uroot -S "$folder/s" -N "$@"; }
until sql -e 'SELECT 1' > /dev/null 2>&1; do sleep 0.2; done
sql -e "CREATE DATABASE c; CREATE USER c@'127.0.0.1' IDENTIFIED BY 'c'; GRANT ALL ON c.* TO c@'127.0.0.1'"
export COINPIPE__STORE__URL=mysql://c:c@127.0.0.1:19303/c COINPIPE__QUEUE__URL="sqlite://$folder/queue.db"
cd "$folder"

# The tables as step 6 left them.
"$coinpipe" migrate > /dev/null
created() { sed -n "/^CREATE TABLE IF NOT EXISTS $2 (/,/;\$/p" "$steps/$1"; }
{
  echo 'DROP VIEW quotes_history; DROP TABLE history, batch_numbers, chunk_replays; ALTER TABLE batch_chunks DROP COLUMN sorted;'
  created 0001_quotes.sql quotes_history
  created 0006_proofs.sql chunk_replays
  echo 'DELETE FROM store_migrations WHERE version > 6;'
} | sql c
numbers=$(printf 'RAND() * 1000, %.0s' {1..15})
for ((hour = 0; hour < hours; hour++)); do
  at="(TIMESTAMP('2026-01-01') + INTERVAL $hour HOUR)"
  batch="CONCAT(DATE_FORMAT($at, '%Y-%m-%dT%H:%i:%sZ'), '/listings/USD')"
  echo "INSERT INTO batches VALUES ($batch, $at, 'listings', 'USD', 0, NULL, NULL, NULL);"
  echo "INSERT INTO quotes_history SELECT seq, 'USD', $numbers seq % 90, seq, NULL, $at, $at + INTERVAL 30 SECOND, $batch FROM seq_1_to_5000;"
done | sql c

sum() {
  sql -e 'SELECT COUNT(*), SUM(CRC32(CONCAT_WS(",", coin_id, currency, price, max_supply, cmc_rank, last_updated, fetched_at, batch_id)))
          FROM c.quotes_history'
}
bytes() {
  sql -e "ANALYZE TABLE c.$1" > /dev/null
  sql -e "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = 'c' AND table_name = '$1'"
}
cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$server/stat"; }
before=$(sum) old=$(bytes quotes_history)
sleep 10
used=$(cpu)
while sleep 2; do du -sm "$folder/tmp" "$folder/data/c" | tr '\n' ' '; echo; done > room &
room=$!
time "$coinpipe" migrate
kill $room
echo "$hours snapshots: $(awk "BEGIN { print $(cpu) - $used }") s of the server's CPU; bytes: $old, then $(bytes history); room in MiB, at most:"
sort -k1n room | tail -1
sort -k3n room | tail -1
sql -e 'SELECT version, description, ROUND(execution_time / 1e9, 1) FROM c.store_migrations WHERE version > 6'
[ "$before" = "$(sum)" ] && echo "all $before are the same"
