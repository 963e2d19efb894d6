//! In what format an export is written, and what writes it.

use std::io::{self, IsTerminal};
use std::path::Path;

use clap::ValueEnum;
use ports::store::PastQuote;
use service::Usage;

use super::lines::Lines;
use super::row_groups::RowGroups;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated values, RFC 4180 with line feeds; NULL is an empty field
    Csv,
    /// One JSON object a line
    Jsonl,
    /// Apache Parquet with typed columns, compressed with zstd
    Parquet,
}

impl Format {
    /// What the ending of `path` says.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("jsonl" | "ndjson") => Self::Jsonl,
            Some("parquet") => Self::Parquet,
            _ => Self::Csv,
        }
    }

    /// What writes it to `path`. Bytes are nothing for a terminal.
    pub(super) fn writer(self, path: &Path) -> anyhow::Result<Writer> {
        match self {
            Self::Csv => Ok(Writer::Lines(Lines::Csv)),
            Self::Jsonl => Ok(Writer::Lines(Lines::Json)),
            Self::Parquet if path == Path::new("-") && io::stdout().is_terminal() => {
                Err(Usage("Parquet is not for a terminal; name a file, or send stdout to one".to_owned())
                    .into())
            }
            Self::Parquet => Ok(Writer::RowGroups(Box::new(RowGroups::new()?))),
        }
    }
}

/// Makes bytes of quotes, to be written in this order.
pub(super) enum Writer {
    Lines(Lines),
    RowGroups(Box<RowGroups>),
}

impl Writer {
    /// What stands before the first quote.
    pub(super) fn head(&self) -> Vec<u8> {
        match self {
            Self::Lines(lines) => lines.head().into_bytes(),
            Self::RowGroups(_) => Vec::new(),
        }
    }

    /// A quote; what is to be written now, which may be nothing yet.
    pub(super) fn quote(&mut self, quote: &PastQuote) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Lines(lines) => Ok(lines.line(quote)?.into_bytes()),
            Self::RowGroups(groups) => groups.push(quote),
        }
    }

    /// What stands after the last quote. Without it no reader takes a Parquet file for whole.
    pub(super) fn end(self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Lines(_) => Ok(Vec::new()),
            Self::RowGroups(groups) => groups.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_file_says_its_format() {
        let of = |name| Format::of(Path::new(name));
        assert_eq!([of("a.csv"), of("-"), of("parquet")], [Format::Csv; 3]);
        assert_eq!([of("a.jsonl"), of("b.ndjson")], [Format::Jsonl; 2]);
        assert_eq!(of("a.b.parquet"), Format::Parquet);
    }
}
