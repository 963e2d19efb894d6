//! Which column holds which field.

use std::collections::BTreeSet;
use std::fmt;

use domain::Measure;
use service::Usage;

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// CoinMarketCap's id.
    Id,
    Symbol,
    Name,
    Slug,
    LastUpdated,
    Measure(Measure),
}

impl Field {
    const NAMED: [Self; 5] = [Self::Id, Self::Symbol, Self::Name, Self::Slug, Self::LastUpdated];

    fn all() -> impl Iterator<Item = Self> {
        Self::NAMED.into_iter().chain(Measure::ALL.map(Self::Measure))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Symbol => "symbol",
            Self::Name => "name",
            Self::Slug => "slug",
            Self::LastUpdated => "last_updated",
            Self::Measure(measure) => measure.column(),
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|field| field.name().eq_ignore_ascii_case(name))
    }

    /// Whether a column of this name is taken to hold it. One called `id` most often numbers the rows.
    fn goes_by_name(self) -> bool {
        self != Self::Id
    }
}

/// The columns to read, and what each holds.
#[derive(Debug)]
pub(super) struct Mapping {
    columns: Vec<String>,
    fields: Vec<Field>,
    unused: Vec<String>,
}

impl Mapping {
    /// What `given` says some of `columns` hold; the others hold what their names say.
    pub(super) fn new(
        columns: &[String],
        given: &[(String, String)],
        has_as_of: bool,
    ) -> Result<Self, Usage> {
        let mut mapping = Self { columns: Vec::new(), fields: Vec::new(), unused: Vec::new() };
        let mut mapped_columns = BTreeSet::new();
        for (column, name) in given {
            let wrong = |what: String| Usage(format!("--map {column}={name}: {what}"));
            let held = columns.iter().find(|held| held.eq_ignore_ascii_case(column));
            let held = held.ok_or_else(|| {
                wrong(format!("the table has no such column; it has {}", columns.join(", ")))
            })?;
            let field = Field::of_name(name).ok_or_else(|| {
                let names: Vec<_> = Field::all().map(Field::name).collect();
                wrong(format!("there is no such field; the fields are {}", names.join(", ")))
            })?;
            if mapping.fields.contains(&field) {
                return Err(wrong(format!("another column holds {} already", field.name())));
            }
            if !mapped_columns.insert(held) {
                return Err(wrong("the column holds another field already".to_owned()));
            }
            mapping.add(held, field);
        }
        for column in columns.iter().filter(|column| !mapped_columns.contains(column)) {
            match Field::of_name(column) {
                Some(field) if field.goes_by_name() && !mapping.fields.contains(&field) => {
                    mapping.add(column, field);
                }
                _ => mapping.unused.push(column.clone()),
            }
        }
        let needs = |field: Field| {
            Usage(format!(
                "no column holds the {}; name it: --map COLUMN={} (the columns are {})",
                field.name(),
                field.name(),
                columns.join(", ")
            ))
        };
        let has = |field| mapping.fields.contains(&field);
        if !has(Field::Symbol) && !has(Field::Id) {
            return Err(needs(Field::Symbol));
        }
        if !has(Field::Measure(Measure::Price)) {
            return Err(needs(Field::Measure(Measure::Price)));
        }
        if !has(Field::LastUpdated) && !has_as_of {
            let Usage(needs) = needs(Field::LastUpdated);
            return Err(Usage(format!("{needs}, or say with --as-of when the numbers were right")));
        }
        Ok(mapping)
    }

    fn add(&mut self, column: &str, field: Field) {
        self.columns.push(column.to_owned());
        self.fields.push(field);
    }

    /// The columns to read.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column that holds `field`.
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        let at = self.fields.iter().position(|held| *held == field)?;
        self.columns.get(at).map(String::as_str)
    }

    /// The text of `field` in `row`; `None` when it is NULL, blank, or in no column.
    pub(super) fn text<'r>(&self, row: &'r [Option<String>], field: Field) -> Option<&'r str> {
        let at = self.fields.iter().position(|held| *held == field)?;
        row.get(at)?.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The measures that have a column.
    pub(super) fn measures(&self) -> impl Iterator<Item = Measure> {
        self.fields.iter().filter_map(|field| match field {
            Field::Measure(measure) => Some(*measure),
            _ => None,
        })
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.columns.iter().zip(&self.fields).map(|(column, field)| {
            if column == field.name() { column.clone() } else { format!("{column}={}", field.name()) }
        });
        f.write_str(&held.collect::<Vec<_>>().join(" "))?;
        if !self.unused.is_empty() {
            write!(f, "; not used: {}", self.unused.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(columns: &[&str], given: &[(&str, &str)]) -> Result<String, String> {
        let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
        let given: Vec<_> = given.iter().map(|(left, right)| (left.to_string(), right.to_string())).collect();
        Mapping::new(&columns, &given, false).map(|mapping| mapping.to_string()).map_err(|Usage(text)| text)
    }

    #[test]
    fn columns_go_by_their_names_and_by_what_is_told() {
        let columns = ["id", "Symbol", "coin", "price", "eur", "last_updated", "note"];
        assert_eq!(
            mapping(&columns, &[("eur", "PRICE"), ("coin", "symbol")]).unwrap(),
            "eur=price coin=symbol last_updated; not used: id Symbol price note"
        );
        assert_eq!(
            mapping(&columns, &[("id", "id")]).unwrap(),
            "id Symbol=symbol price last_updated; not used: coin eur note"
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let refused = |columns: &[&str], given: &[(&str, &str)], says: &str| {
            let error = mapping(columns, given).unwrap_err();
            assert!(error.contains(says), "{says:?} is not in: {error}");
        };
        let whole = ["symbol", "price", "last_updated"];
        refused(&whole, &[("cost", "price")], "no such column; it has symbol, price, last_updated");
        refused(&whole, &[("price", "cost")], "no such field; the fields are id, symbol");
        refused(&whole, &[("price", "symbol"), ("symbol", "symbol")], "another column holds symbol");
        refused(&whole, &[("price", "symbol"), ("price", "name")], "holds another field");
        refused(&["id", "price", "last_updated"], &[], "--map COLUMN=symbol");
        refused(&["symbol", "last_updated"], &[], "--map COLUMN=price");
        refused(&["symbol", "price"], &[], "--as-of");
    }
}
