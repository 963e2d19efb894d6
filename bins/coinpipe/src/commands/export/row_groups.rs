//! Quotes as a Parquet file: typed columns, a bounded number of rows at a time.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use anyhow::bail;
use domain::{Kind, Measure};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use ports::store::PastQuote;

/// Rows of a group. They are in memory until it is full, so this and not the span says how much is needed. Readers
/// skip whole groups by their smallest and largest values, and like them large.
const ROWS: usize = 1 << 16;

/// The file, and the columns of the group that is not full yet.
pub(super) struct RowGroups {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Column>,
    rows: usize,
}

impl RowGroups {
    pub(super) fn new() -> anyhow::Result<Self> {
        let columns = columns();
        let fields = columns.iter().map(|column| column.field().map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Type::group_type_builder("quotes_history").with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // An index of pages would grow with the file, and stay in memory until its end.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        Ok(Self { file, columns, rows: 0 })
    }

    /// Adds a row; the bytes of its group, if that is full.
    pub(super) fn push(&mut self, quote: &PastQuote) -> anyhow::Result<Vec<u8>> {
        for (column, cell) in self.columns.iter_mut().zip(cells(quote)) {
            column.push(cell)?;
        }
        self.rows += 1;
        if self.rows < ROWS {
            return Ok(Vec::new());
        }
        self.close_group()?;
        self.file.flush()?;
        Ok(mem::take(self.file.inner_mut()))
    }

    /// The rows that are left, and the footer, which says where everything is.
    pub(super) fn end(mut self) -> anyhow::Result<Vec<u8>> {
        if self.rows > 0 {
            self.close_group()?;
        }
        self.file.finish()?;
        Ok(mem::take(self.file.inner_mut()))
    }

    fn close_group(&mut self) -> anyhow::Result<()> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            let Some(writer) = group.next_column()? else { bail!("the schema lacks {}", column.name) };
            column.write(writer)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// A column, and its values in the group that is not full yet.
struct Column {
    name: &'static str,
    meaning: Option<LogicalType>,
    values: Values,
    /// 1 for each row that has a value and 0 for `NULL`; only where there may be some.
    present: Option<Vec<i16>>,
}

enum Values {
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Text(Vec<ByteArray>),
}

/// A value of a row.
enum Cell<'a> {
    Null,
    Whole(i64),
    Number(f64),
    Text(Cow<'a, str>),
}

impl Column {
    fn field(&self) -> parquet::errors::Result<Type> {
        let physical = match self.values {
            Values::Whole(_) => Physical::INT64,
            Values::Number(_) => Physical::DOUBLE,
            Values::Text(_) => Physical::BYTE_ARRAY,
        };
        let repetition = if self.present.is_some() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Type::primitive_type_builder(self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(self.meaning.clone())
            .build()
    }

    fn push(&mut self, cell: Cell<'_>) -> anyhow::Result<()> {
        let is_null = matches!(cell, Cell::Null);
        match (&mut self.values, cell) {
            (_, Cell::Null) if self.present.is_some() => {}
            (Values::Whole(values), Cell::Whole(value)) => values.push(value),
            (Values::Number(values), Cell::Number(value)) => values.push(value),
            (Values::Text(values), Cell::Text(text)) => {
                // Neighbours are mostly of one snapshot; they share its name.
                let same = values.last().filter(|last| last.data() == text.as_bytes()).cloned();
                values.push(same.unwrap_or_else(|| (&*text).into()));
            }
            _ => bail!("a value of another type in the column {}", self.name),
        }
        if let Some(present) = &mut self.present {
            present.push((!is_null).into());
        }
        Ok(())
    }

    fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> anyhow::Result<()> {
        let present = self.present.as_deref();
        match (writer.untyped(), &mut self.values) {
            (ColumnWriter::Int64ColumnWriter(writer), Values::Whole(values)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (ColumnWriter::DoubleColumnWriter(writer), Values::Number(values)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            (ColumnWriter::ByteArrayColumnWriter(writer), Values::Text(values)) => {
                writer.write_batch(values, present, None)?;
                values.clear();
            }
            _ => bail!("the schema has another type for {}", self.name),
        }
        if let Some(present) = &mut self.present {
            present.clear();
        }
        writer.close()?;
        Ok(())
    }
}

/// As in the view `quotes_history`. Counts fit 32 bits without a sign, which not every reader knows.
fn columns() -> Vec<Column> {
    let text = |name| Column {
        name,
        meaning: Some(LogicalType::String),
        values: Values::Text(Vec::new()),
        present: None,
    };
    let instant = |name| Column {
        name,
        meaning: Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        values: Values::Whole(Vec::new()),
        present: None,
    };
    let measure = |measure: Measure| Column {
        name: measure.column(),
        meaning: None,
        values: match measure.kind() {
            Kind::Count => Values::Whole(Vec::new()),
            Kind::Price | Kind::Money | Kind::Percent | Kind::Supply => Values::Number(Vec::new()),
        },
        present: Some(Vec::new()),
    };
    let coin_id = Column { name: "coin_id", meaning: None, values: Values::Whole(Vec::new()), present: None };
    let missing = Column { present: Some(Vec::new()), ..text("missing_fields") };
    let last = [missing, instant("last_updated"), instant("fetched_at"), text("batch_id")];
    [coin_id, text("currency")].into_iter().chain(Measure::HISTORY.map(measure)).chain(last).collect()
}

/// The values of a row, in the order of the columns.
fn cells(PastQuote { coin_id, quote, fetched_at, batch }: &PastQuote) -> impl Iterator<Item = Cell<'_>> {
    let measures = Measure::HISTORY.into_iter().map(|measure| match quote.get(measure) {
        None => Cell::Null,
        #[expect(clippy::cast_possible_truncation, reason = "counts are whole and fit u32")]
        Some(number) if measure.kind() == Kind::Count => Cell::Whole(number as i64),
        Some(number) => Cell::Number(number),
    });
    let last = [
        quote.missing.to_column_list().map_or(Cell::Null, |names| Cell::Text(names.into())),
        Cell::Whole(quote.last_updated.timestamp_millis()),
        Cell::Whole(fetched_at.timestamp_millis()),
        Cell::Text(batch.as_str().into()),
    ];
    [Cell::Whole((*coin_id).into()), Cell::Text(quote.currency.as_str().into())]
        .into_iter()
        .chain(measures)
        .chain(last)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::TimeDelta;
    use domain::MeasureSet;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::super::lines::Lines;
    use super::super::samples::quote;
    use super::*;

    fn read(bytes: Vec<u8>) -> SerializedFileReader<Bytes> {
        SerializedFileReader::new(Bytes::from(bytes)).unwrap()
    }

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let (mut groups, quote) = (RowGroups::new().unwrap(), quote());
        let mut bytes = groups.push(&quote).unwrap();
        assert!(bytes.is_empty(), "a group is not full after a row");
        bytes.extend(groups.end().unwrap());
        let file = read(bytes);
        let row = file.get_row_iter(None).unwrap().next().unwrap().unwrap();
        let fields: Vec<_> = row.get_column_iter().collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            Lines::Csv.head().trim_end().split(',').collect::<Vec<_>>(),
            "as in the other formats"
        );
        let instant = quote.fetched_at.timestamp_millis();
        for (name, field) in fields {
            let measure = Measure::HISTORY.into_iter().find(|measure| measure.column() == name);
            match (field, measure.map(|measure| quote.quote.get(measure))) {
                (Field::Null, Some(None)) => {}
                (Field::Double(read), Some(Some(written))) => {
                    assert_eq!(read.to_bits(), written.to_bits(), "{name}");
                }
                (Field::Long(4_294_967_295), Some(Some(_))) if name == "cmc_rank" => {}
                (Field::Long(1), None) if name == "coin_id" => {}
                (Field::Str(text), None) if name == "currency" => assert_eq!(*text, quote.quote.currency),
                (Field::Str(text), None) if name == "missing_fields" => {
                    assert_eq!(text, "max_supply,num_market_pairs");
                }
                (Field::Str(text), None) if name == "batch_id" => assert_eq!(text, quote.batch.as_str()),
                (Field::TimestampMillis(at), None) => assert_eq!(*at, instant, "{name}"),
                (other, _) => panic!("{name} is {other:?}"),
            }
        }
    }

    #[test]
    fn groups_are_written_when_they_are_full() {
        let (mut groups, mut quote) = (RowGroups::new().unwrap(), quote());
        let (mut bytes, mut written) = (Vec::new(), 0);
        let rows = 2 * ROWS + 7;
        for _ in 0..rows {
            quote.quote.missing = MeasureSet::default();
            quote.quote.last_updated += TimeDelta::milliseconds(1);
            let now = groups.push(&quote).unwrap();
            written += usize::from(!now.is_empty());
            bytes.extend(now);
        }
        assert_eq!(written, 2);
        // What was stopped here has no footer, and nobody takes it for whole.
        assert!(SerializedFileReader::new(Bytes::from(bytes.clone())).is_err());
        bytes.extend(groups.end().unwrap());
        let file = read(bytes);
        let sizes = file.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect::<Vec<_>>();
        assert_eq!(sizes, [ROWS, ROWS, 7].map(|rows| i64::try_from(rows).unwrap()));
        let last = file.get_row_iter(None).unwrap().last().unwrap().unwrap();
        let instant = quote.quote.last_updated.timestamp_millis();
        let fields: Vec<_> = last.get_column_iter().map(|(_, field)| field.clone()).collect();
        assert!(fields.contains(&Field::TimestampMillis(instant)), "{fields:?}");
        assert_eq!(fields.iter().filter(|field| **field == Field::Str("a\"b,\nc".to_owned())).count(), 1);
    }

    #[test]
    fn no_quotes_are_a_file_without_rows() {
        let file = read(RowGroups::new().unwrap().end().unwrap());
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
        assert_eq!(file.metadata().file_metadata().schema().get_fields().len(), Measure::HISTORY_COUNT + 6);
    }
}
