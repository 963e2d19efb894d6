//! Which coins a text means.

use ports::store::Search;

use super::Dialect;
use crate::dropping::Session;
use crate::row::{Row, Unreadable};
use crate::write::Parameter;

/// The columns of `coin_descriptions` that are looked through.
const NAMES: [&str; 3] = ["symbol", "name", "slug"];

/// A condition on the description `c`, and what it binds.
pub(super) struct Condition {
    pub(super) sql: String,
    values: Vec<String>,
}

impl Condition {
    pub(super) fn values(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.values.iter().map(|text| text.as_str().into())
    }

    /// What `search` asks for. Where the database knows the letters of ASCII alone, the few names with others are compared here.
    pub(super) async fn of<S: Session>(
        search: &Search,
        dialect: &Dialect,
        session: &mut S,
    ) -> Result<Self, S::Error> {
        let (Search::Contains(text) | Search::Exactly(text)) = search;
        let is_id = text.trim().parse::<u32>().map(|id| format!("c.id = {id}"));
        if dialect.lowers_all || text.is_ascii() {
            let compare = |column: &&str| match search {
                Search::Contains(_) => format!("INSTR(LOWER(c.{column}), LOWER(?)) > 0"),
                Search::Exactly(_) => format!("LOWER(c.{column}) = LOWER(?)"),
            };
            let any: Vec<_> = NAMES.iter().map(compare).chain(is_id.ok()).collect();
            let values = vec![text.clone(); NAMES.len()];
            return Ok(Self { sql: format!(" AND ({})", any.join(" OR ")), values });
        }
        let ids = session.rows(FOREIGN.to_owned(), Vec::new(), foreign).await?;
        let wanted = text.to_lowercase();
        let is_meant = |name: &String| match search {
            Search::Contains(_) => name.to_lowercase().contains(&wanted),
            Search::Exactly(_) => name.to_lowercase() == wanted,
        };
        let meant = ids.iter().filter(|(_, names)| names.iter().any(is_meant));
        let ids: Vec<_> = meant.map(|(id, _)| id.to_string()).chain(["0".to_owned()]).collect();
        Ok(Self { sql: format!(" AND c.id IN ({})", ids.join(", ")), values: Vec::new() })
    }
}

/// Coins with a letter beyond ASCII, for [`foreign`].
const FOREIGN: &str = "SELECT id, symbol, name, slug FROM coin_descriptions \
    WHERE LENGTH(CAST(symbol || name || slug AS BLOB)) > LENGTH(symbol || name || slug)";

fn foreign(row: &dyn Row) -> Result<(u32, [String; 3]), Unreadable> {
    Ok((row.get("id")?, [row.get("symbol")?, row.get("name")?, row.get("slug")?]))
}
