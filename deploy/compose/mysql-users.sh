# Run by the MySQL image when it makes the files of the server.
mysql --defaults-extra-file=/run/secrets/root.cnf --protocol=socket < /run/secrets/users.sql
