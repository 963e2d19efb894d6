//! The query parameters of a listing, or of coins by their ids, checked as the real API checks them.

mod aux;
mod history;
mod market;
mod sort;

pub(crate) use self::aux::Aux;
pub(crate) use self::history::{HistoryQuery, day};
pub(crate) use self::market::MarketQuery;
use self::sort::SORTS;
pub(crate) use self::sort::{Direction, Sort};
use crate::currency::{Currency, by_symbol};
use crate::errors::ApiError;
use crate::key::KEY_PARAMETER;

/// Parameters of the real API that would change the rows and are not simulated, as its `_min` and `_max`
/// filters are not: refused, never ignored.
const NOT_SIMULATED: [&str; 3] = ["convert_id", "cryptocurrency_type", "tag"];

/// The most rows in one answer.
const MAX_LIMIT: usize = 5_000;
/// The most currencies in one request.
const MAX_CONVERTS: usize = 120;

/// A valid request for a listing.
#[derive(Clone, Debug)]
pub(crate) struct ListingQuery {
    /// The first row, counted from 1.
    pub(crate) start: usize,
    pub(crate) limit: usize,
    pub(crate) converts: Vec<&'static Currency>,
    pub(crate) sort: Sort,
    pub(crate) direction: Direction,
    pub(crate) aux: Aux,
    /// The coins to send, when they are asked for by their ids.
    pub(crate) ids: Option<Vec<u32>>,
    /// Whether ids that no coin has are left out.
    pub(crate) skip_invalid: bool,
}

impl ListingQuery {
    /// Checks the parameters. The error is the 400 that the API would answer.
    pub(crate) fn parse(parameters: &[(String, String)]) -> Result<Self, ApiError> {
        let mut query = Self {
            start: 1,
            limit: 100,
            converts: by_symbol("USD").into_iter().collect(),
            sort: Sort::MarketCap,
            direction: Direction::Descending,
            aux: Aux::default(),
            ids: None,
            skip_invalid: true,
        };
        let mut direction = None;
        for (name, value) in parameters {
            match name.as_str() {
                "start" => query.start = number("start", value, usize::MAX)?,
                "limit" => query.limit = number("limit", value, MAX_LIMIT)?,
                "convert" => query.converts = converts(value)?,
                "sort" => query.sort = one_of("sort", value, &SORTS)?,
                "sort_dir" => {
                    let directions = [("asc", Direction::Ascending), ("desc", Direction::Descending)];
                    direction = Some(one_of("sort_dir", value, &directions)?);
                }
                "aux" => query.aux = Aux::parse(value)?,
                KEY_PARAMETER => {}
                filter if not_simulated(filter) => {
                    return Err(ApiError::bad_request(format!(
                        "\"{filter}\" is not supported by the simulator"
                    )));
                }
                unknown => return Err(ApiError::bad_request(format!("\"{unknown}\" is not allowed"))),
            }
        }
        query.direction = direction.unwrap_or(match query.sort {
            Sort::Name | Sort::Symbol => Direction::Ascending,
            _ => Direction::Descending,
        });
        Ok(query)
    }

    /// Checks the parameters of a request for coins by their ids.
    pub(crate) fn of_ids(parameters: &[(String, String)]) -> Result<Self, ApiError> {
        let mut query = Self::parse(&[])?;
        for (name, value) in parameters {
            match name.as_str() {
                "id" => query.ids = Some(ids(value)?),
                "convert" => query.converts = converts(value)?,
                "aux" => query.aux = Aux::parse(value)?,
                "skip_invalid" => {
                    query.skip_invalid = one_of("skip_invalid", value, &[("true", true), ("false", false)])?;
                }
                KEY_PARAMETER => {}
                other @ ("symbol" | "slug" | "convert_id") => {
                    return Err(ApiError::bad_request(format!(
                        "\"{other}\" is not supported by the simulator"
                    )));
                }
                unknown => return Err(ApiError::bad_request(format!("\"{unknown}\" is not allowed"))),
            }
        }
        query.limit = query.ids.as_ref().map_or(0, Vec::len);
        if query.limit == 0 {
            return Err(ApiError::bad_request(
                "\"value\" must contain at least one of [id, slug, symbol]".to_owned(),
            ));
        }
        Ok(query)
    }

    /// How many rows one credit pays for.
    pub(crate) fn rows_a_credit(&self) -> usize {
        if self.ids.is_some() { 100 } else { 200 }
    }

    /// The part of `all` that `start` and `limit` ask for: short at the end, empty beyond it.
    pub(crate) fn slice<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        slice(all, self.start, self.limit)
    }
}

/// The `limit` elements of `all` from the one with the number `start`, counted from 1.
fn slice<T>(all: &[T], start: usize, limit: usize) -> &[T] {
    let first = start.saturating_sub(1).min(all.len());
    let end = first.saturating_add(limit).min(all.len());
    all.get(first..end).unwrap_or_default()
}

fn ids(value: &str) -> Result<Vec<u32>, ApiError> {
    let mut ids = Vec::new();
    for text in value.split(',') {
        let id = text.parse().ok().filter(|id: &u32| *id > 0);
        let id = id.ok_or_else(|| ApiError::bad_request(format!("Invalid value for \"id\": \"{text}\"")))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn number(name: &str, value: &str, max: usize) -> Result<usize, ApiError> {
    let number: i64 =
        value.parse().map_err(|_| ApiError::bad_request(format!("\"{name}\" must be an integer")))?;
    match usize::try_from(number) {
        Ok(number) if number > max => {
            Err(ApiError::bad_request(format!("\"{name}\" must be less than or equal to {max}")))
        }
        Ok(number) if number >= 1 => Ok(number),
        _ => Err(ApiError::bad_request(format!("\"{name}\" must be larger than or equal to 1"))),
    }
}

fn converts(value: &str) -> Result<Vec<&'static Currency>, ApiError> {
    let mut converts: Vec<&'static Currency> = Vec::new();
    for symbol in value.split(',') {
        let currency = by_symbol(symbol)
            .ok_or_else(|| ApiError::bad_request(format!("Invalid value for \"convert\": \"{symbol}\"")))?;
        if converts.iter().all(|other| other.id != currency.id) {
            converts.push(currency);
        }
    }
    if value.split(',').count() > MAX_CONVERTS {
        return Err(ApiError::bad_request(format!("\"convert\" is limited to {MAX_CONVERTS} symbols")));
    }
    Ok(converts)
}

fn one_of<T: Copy>(name: &str, value: &str, choices: &[(&str, T)]) -> Result<T, ApiError> {
    choices.iter().find(|(choice, _)| *choice == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        ApiError::bad_request(format!("\"{name}\" must be one of [{}]", names.join(", ")))
    })
}

fn not_simulated(name: &str) -> bool {
    NOT_SIMULATED.contains(&name) || name.ends_with("_min") || name.ends_with("_max")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parameters: &[(&str, &str)]) -> Result<ListingQuery, ApiError> {
        let owned: Vec<_> = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        ListingQuery::parse(&owned)
    }

    #[test]
    fn a_bad_parameter_is_named() {
        check("start", "0", "\"start\" must be larger than or equal to 1");
        check("start", "-1", "\"start\" must be larger than or equal to 1");
        check("start", "one", "\"start\" must be an integer");
        check("limit", "5001", "\"limit\" must be less than or equal to 5000");
        check("limit", "", "\"limit\" must be an integer");
        check("convert", "USD,NOPE", "Invalid value for \"convert\": \"NOPE\"");
        check("convert", "", "Invalid value for \"convert\": \"\"");
        check("sort_dir", "up", "\"sort_dir\" must be one of [asc, desc]");
        check("aux", "tags,nope", "Invalid value for \"aux\": \"nope\"");
        check("price_min", "1", "\"price_min\" is not supported by the simulator");
        check("nope", "1", "\"nope\" is not allowed");
        let of_ids = |name: &str, value: &str| {
            ListingQuery::of_ids(&[(name.to_owned(), value.to_owned())])
                .map(|query| query.ids)
                .map_err(|error| error.message)
        };
        assert_eq!(of_ids("id", "1027,1,1027").unwrap(), Some(vec![1027, 1]));
        assert_eq!(of_ids("id", "1,BTC").unwrap_err(), "Invalid value for \"id\": \"BTC\"");
        assert!(of_ids("convert", "USD").unwrap_err().contains("at least one of [id, slug, symbol]"));
    }

    fn check(name: &str, value: &str, message: &str) {
        let error = parse(&[(name, value)]).expect_err(name);
        assert_eq!((error.status, error.code, error.message.as_ref()), (400, 400, message));
    }

    #[test]
    fn the_defaults_are_the_apis() {
        let query = parse(&[]).unwrap();
        assert_eq!((query.start, query.limit, query.sort), (1, 100, Sort::MarketCap));
        assert_eq!(query.converts.iter().map(|currency| currency.symbol).collect::<Vec<_>>(), ["USD"]);
        assert!(query.aux.has("tags") && !query.aux.has("volume_7d"));
    }

    #[test]
    fn names_sort_upwards_and_numbers_downwards_unless_told() {
        assert_eq!(parse(&[("sort", "name")]).unwrap().direction, Direction::Ascending);
        assert_eq!(parse(&[("sort", "price")]).unwrap().direction, Direction::Descending);
        let told = parse(&[("sort_dir", "desc"), ("sort", "name")]).unwrap();
        assert_eq!(told.direction, Direction::Descending);
    }

    #[test]
    fn the_last_page_is_short_and_the_next_one_empty() {
        let rows = [1, 2, 3, 4, 5];
        let slice =
            |start, limit| parse(&[("start", start), ("limit", limit)]).unwrap().slice(&rows).to_vec();
        assert_eq!(slice("1", "2"), [1, 2]);
        assert_eq!(slice("5", "2"), [5]);
        assert!(slice("6", "2").is_empty());
    }
}
