//! Faults in the rows of a listing: fields that are gone, new or of another type, coins that are doubled.
//!
//! Works on the JSON of a row, so that generated and recorded rows go wrong in the same way; what a fault does
//! not touch keeps its bytes.

mod fields;

use serde_json::value::{RawValue, to_raw_value};

use self::fields::Fields;
use crate::fault::Fault;
use crate::listing_page::ListingPage;

/// Faults of single coins hit the first coin of a page and every hundredth after it.
const EVERY: usize = 100;

/// Applies every fault to the page, in their order. Faults that are not about rows change nothing.
pub(crate) fn apply(faults: &[Fault], page: &mut ListingPage) -> serde_json::Result<()> {
    for fault in faults {
        match fault {
            Fault::EmptyData => *page = ListingPage::default(),
            Fault::Duplicate => page.rows = doubled(&page.rows),
            Fault::Short(rows) => page.rows.truncate(*rows as usize),
            Fault::Extra
            | Fault::Missing(_)
            | Fault::Retyped(_)
            | Fault::Times(_)
            | Fault::Null(_)
            | Fault::Renamed(_) => {
                for row in &mut page.rows {
                    *row = edited(row, fault)?;
                }
            }
            Fault::NullPrice | Fault::NegativePrice => {
                for row in page.rows.iter_mut().step_by(EVERY) {
                    *row = edited(row, fault)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn doubled(rows: &[String]) -> Vec<String> {
    let times = |index: usize| if index.is_multiple_of(EVERY) { 2 } else { 1 };
    rows.iter().enumerate().flat_map(|(index, row)| std::iter::repeat_n(row.clone(), times(index))).collect()
}

fn edited(json: &str, fault: &Fault) -> serde_json::Result<String> {
    let mut row: Fields = serde_json::from_str(json)?;
    edit_row(&mut row, fault)?;
    if let Some(quotes) = row.get_mut("quote") {
        // v1 has a map by currency, v3 an array.
        match quotes.get().as_bytes().first() {
            Some(b'{') => {
                let mut by_currency: Fields = serde_json::from_str(quotes.get())?;
                for (_, quote) in &mut by_currency.0 {
                    *quote = edited_quote(quote, fault)?;
                }
                *quotes = to_raw_value(&by_currency)?;
            }
            Some(b'[') => {
                let mut list: Vec<Box<RawValue>> = serde_json::from_str(quotes.get())?;
                for quote in &mut list {
                    *quote = edited_quote(quote, fault)?;
                }
                *quotes = to_raw_value(&list)?;
            }
            _ => {}
        }
    }
    serde_json::to_string(&row)
}

fn edit_row(row: &mut Fields, fault: &Fault) -> serde_json::Result<()> {
    if let Fault::Renamed(id) = fault {
        if row.get_mut("id").is_some_and(|own| own.get() == id.to_string()) {
            row.set("name", raw("\"Simulated Rebrand\"")?);
            row.set("symbol", raw("\"REBRAND\"")?);
            row.set("slug", raw("\"simulated-rebrand\"")?);
        }
        return Ok(());
    }
    edit_any(row, fault)
}

fn edited_quote(quote: &RawValue, fault: &Fault) -> serde_json::Result<Box<RawValue>> {
    let mut fields: Fields = serde_json::from_str(quote.get())?;
    match fault {
        Fault::NullPrice => fields.set("price", raw("null")?),
        Fault::NegativePrice => {
            // A price of 0 has no sign to turn, and one that is missing or null has no digits.
            let price = fields.get_mut("price").map(|price| price.get().to_owned()).unwrap_or_default();
            let digits = if is_number(&price) && price.parse() != Ok(0.0) {
                price.trim_start_matches('-')
            } else {
                "1"
            };
            fields.set("price", raw(&format!("-{digits}"))?);
        }
        Fault::Times(factor) => {
            if let (Some(price), Ok(factor)) = (fields.get_mut("price"), factor.parse::<f64>())
                && let Ok(number) = price.get().parse::<f64>()
            {
                *price = to_raw_value(&(number * factor))?;
            }
        }
        _ => edit_any(&mut fields, fault)?,
    }
    to_raw_value(&fields)
}

/// What happens alike to coins and quotes.
fn edit_any(fields: &mut Fields, fault: &Fault) -> serde_json::Result<()> {
    match fault {
        Fault::Extra => fields.set("simulated_new_field", raw(r#"{"nested":[1,"two",null]}"#)?),
        Fault::Missing(name) => fields.0.retain(|(own, _)| own != name),
        Fault::Null(name) => {
            if let Some(value) = fields.get_mut(name) {
                *value = raw("null")?;
            }
        }
        Fault::Retyped(name) => {
            if let Some(value) = fields.get_mut(name) {
                let text = value.get();
                *value = raw(&if is_number(text) { format!("\"{text}\"") } else { "7".to_owned() })?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_number(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

fn raw(json: &str) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = r#"{"id":1,"name":"A","max_supply":null,"quote":{"USD":{"price":1.50e-07,"tvl":null}}}"#;
    const V3: &str = r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":12}]}"#;

    #[test]
    fn a_fault_changes_its_field_and_keeps_the_bytes_of_the_others() {
        check(V1, "missing=price", r#"{"id":1,"name":"A","max_supply":null,"quote":{"USD":{"tvl":null}}}"#);
        check(V3, "times=2.5", r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":30.0}]}"#);
        check(V3, "null=price", r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":null}]}"#);
        check(V1, "missing=quote", r#"{"id":1,"name":"A","max_supply":null}"#);
        check(V3, "retyped=price", r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":"12"}]}"#);
        check(V3, "retyped=tags", r#"{"tags":7,"id":1,"quote":[{"symbol":"USD","price":12}]}"#);
        check(V3, "null-price", r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":null}]}"#);
        check(V3, "negative-price", r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":-12}]}"#);
        check(
            V3,
            "extra",
            r#"{"tags":[],"id":1,"quote":[{"symbol":"USD","price":12,"simulated_new_field":{"nested":[1,"two",null]}}],"simulated_new_field":{"nested":[1,"two",null]}}"#,
        );
        check(V3, "renamed=2", V3);
    }

    fn check(row: &str, fault: &str, expected: &str) {
        let mut page = ListingPage { rows: vec![row.to_owned()], total_count: Some(1) };
        apply(&[fault.parse().unwrap()], &mut page).unwrap();
        assert_eq!(page.rows, [expected], "{fault}");
    }

    #[test]
    fn single_coins_go_wrong_at_every_hundredth_place() {
        let page = |fault: Fault| {
            let mut page = ListingPage { rows: vec![V3.to_owned(); 201], total_count: Some(201) };
            apply(&[fault], &mut page).unwrap();
            page
        };
        let broken = page(Fault::NullPrice);
        let broken: Vec<_> = (0..201).filter(|index| broken.rows[*index].contains("null")).collect();
        assert_eq!(broken, [0, 100, 200]);
        assert_eq!(page(Fault::Duplicate).rows.len(), 204);
    }
}
