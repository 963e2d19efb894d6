//! Opening a file read-only: nothing is made, changed or brought up to date.

use std::path::{Path, PathBuf};

use rustix::fs::{Access as May, access};
use sqlx::sqlite::SqliteConnectOptions;
use tables::schema::Schema;

use super::{Access, BUSY_TIMEOUT, Database, READERS, location, opening, pool};
use crate::error::Error;

impl Database {
    /// Opens the file that `url` names read-only; `None` when there is no such file. What others commit meanwhile is
    /// seen. Writing is an error.
    pub async fn open_url_read_only(url: &str) -> Result<Option<Self>, Error> {
        Self::open_read_only(location::from_url(url)?).await
    }

    /// Opens the file read-only, as [`open_url_read_only`](Self::open_url_read_only) does.
    pub async fn open_read_only(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = location::absolute(path.as_ref())?;
        loop {
            if !path.exists() {
                return Ok(None);
            }
            let is_at_rest = !has_journal(&path);
            let database = Self::connect_read_only(path.clone(), is_at_rest).await;
            // Somebody began to write just now: what is in the journal belongs to the file.
            if is_at_rest && has_journal(&path) {
                continue;
            }
            return database.map(Some).map_err(|error| error.in_file(&path));
        }
    }

    async fn connect_read_only(path: PathBuf, is_at_rest: bool) -> Result<Self, Error> {
        // SQLite makes a journal and its index even for reading, and leaves them behind, unless it is told that nobody
        // writes. Where there is a journal already it is read, too.
        let live = SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let options = live.clone().immutable(is_at_rest);
        let readers = pool(READERS).connect_with(options).await.map_err(|error| opening(&path, error))?;
        let writer = pool(READERS).connect_lazy_with(live);
        let access = if is_at_rest { Access::ReadOnlyAtRest } else { Access::ReadOnly };
        Ok(Self::with(path, writer, readers, access))
    }

    /// Whether this database could be written, or made where there is none, as far as permissions tell.
    pub fn check_writable(url: &str) -> Result<(), Error> {
        let path = location::absolute(&location::from_url(url)?)?;
        let check = || {
            if path.is_dir() {
                return Err(Error::Misconfigured("is a directory; name a file in it".to_owned()));
            }
            let wrong = |what: String| Err(Error::Misconfigured(what));
            let folder = path.parent().unwrap_or(Path::new("/"));
            if !folder.is_dir() {
                let place = folder.display();
                return wrong(format!("there is no directory {place}; create it or name another file"));
            }
            if path.exists() && access(&*path, May::READ_OK | May::WRITE_OK).is_err() {
                return wrong("cannot be written; check its permissions".to_owned());
            }
            // The journal is made beside it.
            if access(folder, May::WRITE_OK | May::EXEC_OK).is_err() {
                return wrong(format!(
                    "the directory {} cannot be written; check its permissions",
                    folder.display()
                ));
            }
            Ok(())
        };
        check().map_err(|error| error.in_file(&path))
    }

    /// The steps of `schema` that were not applied yet, by name; an error when it is one of a newer program.
    pub(crate) async fn pending(&self, schema: &Schema) -> Result<Vec<String>, Error> {
        let mut reader = self.readers.acquire().await.map_err(|error| self.blame(error))?;
        let applied = super::schema::applied(schema, &mut reader).await.map_err(|error| self.blame(error))?;
        super::schema::refuse_strangers(schema, &mut reader, &applied)
            .await
            .map_err(|error| error.in_file(self.path()))?;
        drop(reader);
        let known = schema.migrations.last().map_or(0, |step| step.version);
        if let Some(&newer) = applied.last().filter(|&&last| last > known) {
            return Err(super::schema::newer(newer, known).in_file(self.path()));
        }
        let missing = schema.migrations.iter().filter(|step| !applied.contains(&step.version));
        Ok(missing.map(|step| step.description.to_owned()).collect())
    }

    /// Whether `schema` is there and up to date; `false` when nothing of it is, an error when it is an older one.
    pub(crate) async fn has(&self, schema: &Schema) -> Result<bool, Error> {
        let (pending, all) = (self.pending(schema).await?.len(), schema.migrations.len());
        if pending > 0 && pending < all {
            let found = all - pending;
            let reason = format!(
                "was made by an older coinpipe (step {found} of {all}); run coinpipe or `coinpipe migrate`"
            );
            return Err(Error::Misconfigured(reason).in_file(self.path()));
        }
        Ok(pending == 0)
    }
}

/// Whether there is more of the database than its file: somebody has it open, or did not close it.
pub(super) fn has_journal(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        Path::new(&name).exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tables::schema::Migration;

    const STEPS: [Migration; 2] = [
        Migration::new(1, "numbers", "CREATE TABLE numbers (n INTEGER)"),
        Migration::new(2, "names", "CREATE TABLE names (n TEXT)"),
    ];
    const SCHEMA: Schema = Schema { table: "test_migrations", migrations: &STEPS };

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    async fn numbers(database: &Database) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(database.readers()).await.unwrap()
    }

    async fn insert(database: &Database) {
        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO numbers VALUES (1)").execute(&mut *transaction).await.unwrap();
        database.commit(transaction).await.unwrap();
    }

    #[tokio::test]
    async fn looking_makes_nothing_and_sees_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd name? 100%#.db");
        assert!(Database::open_read_only(&path).await.unwrap().is_none());
        assert_eq!(names(folder.path()), [""; 0]);

        let database = Database::open(&path).await.unwrap();
        database.migrate(&SCHEMA).await.unwrap();
        insert(&database).await;
        // While it runs.
        let running = names(folder.path());
        assert_eq!(running.len(), 3, "{running:?}");
        let looking = Database::open_read_only(&path).await.unwrap().unwrap();
        assert_eq!(numbers(&looking).await, 1);
        insert(&database).await;
        assert_eq!(numbers(&looking).await, 2);
        assert!(looking.begin().await.is_err());
        looking.close().await;
        assert_eq!(names(folder.path()), running);
        insert(&database).await;
        database.close().await;

        // And afterwards.
        let rest = names(folder.path());
        assert_eq!(rest.len(), 1, "{rest:?}");
        let before = std::fs::read(&path).unwrap();
        let looking = Database::open_read_only(&path).await.unwrap().unwrap();
        assert_eq!(numbers(&looking).await, 3);
        assert!(looking.begin().await.is_err());
        assert_eq!(names(folder.path()), rest);
        assert!(std::fs::read(&path).unwrap() == before, "the file was changed");

        // Somebody begins to write while it is open.
        let database = Database::open(&path).await.unwrap();
        insert(&database).await;
        assert_eq!(numbers(&looking).await, 4);
        looking.close().await;
        database.close().await;
        assert_eq!(names(folder.path()), rest);
    }

    #[tokio::test]
    async fn what_is_missing_is_told_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        let look = async || Database::open_read_only(&path).await.unwrap().unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(look().await.pending(&SCHEMA).await.unwrap(), ["numbers", "names"]);
        assert!(!look().await.has(&SCHEMA).await.unwrap());
        let older = Schema { table: SCHEMA.table, migrations: &STEPS[..1] };
        let database = Database::open(&path).await.unwrap();
        database.migrate(&older).await.unwrap();
        assert_eq!(look().await.pending(&SCHEMA).await.unwrap(), ["names"]);
        let told = look().await.has(&SCHEMA).await.unwrap_err().to_string();
        assert!(told.contains("older") && told.contains("step 1 of 2"), "{told}");
        database.migrate(&SCHEMA).await.unwrap();
        assert!(look().await.has(&SCHEMA).await.unwrap());
        let told = look().await.has(&older).await.unwrap_err().to_string();
        assert!(told.contains("newer coinpipe (schema 2, this one knows 1)"), "{told}");
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str| {
            let url = format!("sqlite://{}", folder.path().join(name).display());
            Database::check_writable(&url).map_err(|error| error.to_string())
        };
        assert_eq!(check("new.db"), Ok(()));
        assert!(check("").unwrap_err().contains("is a directory"));
        assert!(check("missing/new.db").unwrap_err().contains("there is no directory"));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
