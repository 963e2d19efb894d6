//! Which coins a text means.

use ports::store::Search;

use super::{Dialect, Look};
use crate::row::{Row, Unreadable};
use crate::write::Parameter;

/// The columns of `coin_descriptions` that are looked through.
const NAMES: [&str; 3] = ["symbol", "name", "slug"];

/// A condition on the description `c`, and what it binds.
pub(super) struct Condition<'a> {
    pub(super) sql: String,
    pub(super) values: Vec<Parameter<'a>>,
}

impl<'a> Condition<'a> {
    /// What `search` asks for. Where the database (SQLite) knows the letters of ASCII alone, the few names with others are compared
    /// here.
    pub(super) async fn of<L: Look>(
        search: &'a Search,
        dialect: &Dialect,
        look: &mut L,
    ) -> Result<Self, L::Error> {
        let (Search::Contains(text) | Search::Exactly(text)) = search;
        let id = text.trim().parse::<u32>().unwrap_or_default();
        if dialect.lowers_all || text.is_ascii() {
            let compare = |column: &&str| match search {
                Search::Contains(_) => format!("INSTR(LOWER(c.{column}), LOWER(?)) > 0"),
                Search::Exactly(_) => format!("LOWER(c.{column}) = LOWER(?)"),
            };
            let any: Vec<_> = NAMES.iter().map(compare).chain(["c.id = ?".to_owned()]).collect();
            let names = vec![text.as_str().into(); NAMES.len()];
            let values = names.into_iter().chain([id.into()]).collect();
            return Ok(Self { sql: format!(" AND ({})", any.join(" OR ")), values });
        }
        let ids = look.rows(FOREIGN, Vec::new(), foreign).await?;
        let wanted = text.to_lowercase();
        let is_meant = |name: &String| match search {
            Search::Contains(_) => name.to_lowercase().contains(&wanted),
            Search::Exactly(_) => name.to_lowercase() == wanted,
        };
        let meant = ids.iter().filter(|(_, names)| names.iter().any(is_meant));
        let ids: Vec<_> = meant.map(|(id, _)| id.to_string()).collect();
        let sql = " AND c.id IN (SELECT value FROM json_each(?))".to_owned();
        Ok(Self { sql, values: vec![format!("[{}]", ids.join(",")).into()] })
    }
}

/// Coins with a letter beyond ASCII, for [`foreign`].
const FOREIGN: &str = "SELECT id, symbol, name, slug FROM coin_descriptions \
    WHERE LENGTH(CAST(symbol || name || slug AS BLOB)) > LENGTH(symbol || name || slug)";

fn foreign(row: &dyn Row) -> Result<(u32, [String; 3]), Unreadable> {
    Ok((row.get("id")?, [row.get("symbol")?, row.get("name")?, row.get("slug")?]))
}
