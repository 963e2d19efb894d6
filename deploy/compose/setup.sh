#!/bin/sh
# Makes up the passwords of the stack at its first start, and writes for each service what it may know into a volume of
# its own under /secrets. Runs again at every `docker compose up`: passwords stay, the API key and the mail server are
# taken from the environment anew. `docker compose run --rm setup show` tells a person how to log in.
#
# Why not files in the repository: a password that everybody knows is none, also on 127.0.0.1. Why not files on the host:
# passwords belong to the volumes of the servers that took them, and go with those.
set -eu
umask 022 # each volume is mounted by one service, which has its own user

# write FILE: standard input becomes FILE, whole or not at all
write() {
  cat > "$1.new"
  mv "$1.new" "$1"
}

# password NAME: what it was, or a new one; hexadecimal, so that it means the same in URLs, SQL and JSON
password() {
  file=/secrets/setup/$1
  [ -s "$file" ] || od -An -N20 -tx1 /dev/urandom | tr -d ' \n' | write "$file"
  cat "$file"
}

root=$(password mysql-root)
migrator=$(password mysql-migrator)
loader=$(password mysql-loader)
reader=$(password mysql-reader)
queue=$(password rabbitmq-coinpipe)
operator=$(password rabbitmq-operator)
reads=$(password site-token)
acts=$(password site-operator-token)

# Real and simulated quotes never mix, in no table and no queue: each have their own.
if [ -n "${CMC_API_KEY:-}" ]; then
  database=coinpipe vhost=coinpipe
  source='spool = "/var/lib/coinpipe/spool"
api_key_file = "/run/secrets/api-key"'
else
  database=coinpipe_simulated vhost=coinpipe-simulated
  source='spool = "/var/lib/coinpipe/spool-simulated"
base_url = "http://simulator:18080"'
fi

if [ "${1:-}" = show ]; then
  cat <<END
Site       http://127.0.0.1:${PAGE_PORT:-8080}  token to look $reads, to look and act $acts
MySQL      mysql --host=127.0.0.1 --port=${MYSQL_PORT:-3306} --user=reader --password=$reader $database
RabbitMQ   http://127.0.0.1:${RABBITMQ_PORT:-15672}  user operator, password $operator
END
  exit
fi

queue_url="amqp://coinpipe:$queue@rabbitmq:5672/$vhost"
store_url="mysql://loader:$loader@mysql:3306/$database"

for service in fetcher transformer loader alerter migrate operator; do
  printf '%s\n' "$queue_url" | write "/secrets/$service/queue-url"
done
for service in loader alerter operator; do
  printf '%s\n' "$store_url" | write "/secrets/$service/store-url"
done
printf 'mysql://migrator:%s@mysql:3306/%s\n' "$migrator" "$database" | write /secrets/migrate/store-url
for service in alerter operator; do
  printf '%s\n' "${COINPIPE__MAIL__URL:-smtp://mailpit:1025?tls=none}" | write "/secrets/$service/mail-url"
done
printf '%s\n' "$reads" | write /secrets/alerter/site-token
printf '%s\n' "$acts" | write /secrets/alerter/site-operator-token
for service in fetcher operator; do
  # Without a key there is no file: one that holds none is a mistake.
  if [ -n "${CMC_API_KEY:-}" ]; then
    printf '%s\n' "$CMC_API_KEY" | write "/secrets/$service/api-key"
  else
    rm -f "/secrets/$service/api-key"
  fi
  printf '[fetch]\n%s\n' "$source" | write "/secrets/$service/source.toml"
done

# Read by RabbitMQ at every start.
write /secrets/rabbitmq/definitions.json <<END
{
  "vhosts": [{ "name": "coinpipe" }, { "name": "coinpipe-simulated" }],
  "users": [
    { "name": "coinpipe", "password": "$queue", "tags": [] },
    { "name": "operator", "password": "$operator", "tags": ["monitoring"] }
  ],
  "permissions": [
    { "user": "coinpipe", "vhost": "coinpipe",
      "configure": "^coinpipe\\\\..*", "write": "^coinpipe\\\\..*", "read": "^coinpipe\\\\..*" },
    { "user": "coinpipe", "vhost": "coinpipe-simulated",
      "configure": "^coinpipe\\\\..*", "write": "^coinpipe\\\\..*", "read": "^coinpipe\\\\..*" },
    { "user": "operator", "vhost": "coinpipe", "configure": "^$", "write": "^$", "read": "^$" },
    { "user": "operator", "vhost": "coinpipe-simulated", "configure": "^$", "write": "^$", "read": "^$" }
  ]
}
END

# Read by MySQL when it makes its files. In the names of GRANT, _ stands for any character.
printf '%s' "$root" | write /secrets/mysql/root-password
{
  for user in migrator loader reader; do
    eval "password=\$$user"
    printf "CREATE USER '%s'@'%%' IDENTIFIED BY '%s';\n" "$user" "$password"
  done
  for database in coinpipe coinpipe_simulated; do
    pattern=$(printf %s "$database" | sed 's/_/\\_/g')
    cat <<END
CREATE DATABASE $database CHARACTER SET utf8mb4;
GRANT CREATE, ALTER, DROP, INDEX, CREATE VIEW, SELECT, INSERT, UPDATE, DELETE ON \`$pattern\`.* TO 'migrator'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON \`$pattern\`.* TO 'loader'@'%';
GRANT SELECT ON \`$pattern\`.* TO 'reader'@'%';
END
  done
} | write /secrets/mysql/users.sql
for user in root reader; do
  eval "password=\$$user"
  printf '[client]\nuser=%s\npassword=%s\n' "$user" "$password" | write "/secrets/mysql/$user.cnf"
done
