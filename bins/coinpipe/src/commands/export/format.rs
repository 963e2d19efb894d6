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
    /// What the ending of `path` says; CSV on stdout. A name that says nothing is a mistake: nobody wants CSV in an `.xlsx`.
    pub(super) fn of(path: &Path) -> Result<Self, Usage> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "parquet" => Ok(Self::Parquet),
            _ if path == Path::new("-") => Ok(Self::Csv),
            _ => Err(Usage(format!(
                "the name {} says no format that is known (.csv, .jsonl, .ndjson, .parquet); say it by --format csv, jsonl or parquet",
                path.display()
            ))),
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
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("A.CSV", Some(Format::Csv)),
            ("-", Some(Format::Csv)),
            ("a.jsonl", Some(Format::Jsonl)),
            ("b.ndjson", Some(Format::Jsonl)),
            ("a.b.parquet", Some(Format::Parquet)),
            ("a.xlsx", None),
            ("a.csv.gz", None),
            ("parquet", None),
            ("./-", None),
        ] {
            assert_eq!(Format::of(Path::new(name)).ok(), format, "{name}");
        }
        let told = Format::of(Path::new("a.xlsx")).unwrap_err().0;
        assert!(told.contains("a.xlsx") && told.contains("--format"), "{told}");
    }
}
