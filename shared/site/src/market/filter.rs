//! What is looked for in the market: the parameters of the view, and the links that keep them.

use domain::Measure;
use ports::store::{MarketColumn, MarketQuery, MarketSort, Search, Start};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::parameters::{flag, one_of, whole_number, word};
use crate::trouble::Trouble;

/// Rows of a page that are not asked for otherwise.
const SIZE: u32 = 100;
/// The most rows of a page.
const MOST: u32 = 500;
/// The sizes of a page to choose from.
pub(super) const SIZES: [u32; 4] = [50, SIZE, 250, MOST];
/// The last page of the smallest size that is asked for; no store has so many coins.
const LAST: u64 = 1_000_000;
/// The longest text to search for, in characters.
const LONGEST: usize = 100;

/// The orders, and whether they are descending.
pub(crate) const ORDERS: [(&str, bool); 2] = [("asc", false), ("desc", true)];

const RANK: MarketColumn = MarketColumn::Measure(Measure::CmcRank);

/// The GET parameters as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    pub(super) search: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) sort: Option<String>,
    pub(super) order: Option<String>,
    pub(super) page: Option<String>,
    pub(super) size: Option<String>,
    pub(super) gone: Option<String>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    search: String,
    currency: String,
    sort: MarketSort,
    page: u64,
    size: u32,
    with_gone: bool,
}

impl Filter {
    /// What was `asked` for, in a `currency` that there is.
    pub(super) fn of(asked: Asked, currency: String) -> Result<Self, Trouble> {
        let search = asked.search.unwrap_or_default().trim().to_owned();
        if search.chars().count() > LONGEST {
            return Err(Trouble::BadParameter(format!(
                "the parameter search must be at most {LONGEST} characters"
            )));
        }
        let by = match word(asked.sort.as_deref()) {
            None => RANK,
            Some(name) => sort_column(name)?,
        };
        let descending = descending(asked.order.as_deref(), by)?;
        let page = whole_number("page", asked.page.as_deref(), 1..=LAST)?.unwrap_or(1);
        let size = whole_number("size", asked.size.as_deref(), 1..=u64::from(MOST))?;
        let size = size.and_then(|size| u32::try_from(size).ok()).unwrap_or(SIZE);
        let with_gone = flag("gone", asked.gone.as_deref())?;
        Ok(Self { search, currency, sort: MarketSort { by, descending }, page, size, with_gone })
    }

    /// What the store is asked.
    pub(super) fn query(&self) -> MarketQuery {
        MarketQuery {
            currency: self.currency.clone(),
            listed_only: !self.with_gone,
            search: (!self.search.is_empty()).then(|| Search::Contains(self.search.clone())),
            sort: self.sort,
            start: Start::Row((self.page - 1) * u64::from(self.size)),
            limit: self.size,
        }
    }

    pub(super) fn search(&self) -> &str {
        &self.search
    }

    pub(super) fn currency(&self) -> &str {
        &self.currency
    }

    /// The currency, as a link names it.
    pub(super) fn currency_parameter(&self) -> String {
        url::form_urlencoded::byte_serialize(self.currency.as_bytes()).collect()
    }

    pub(super) fn sort(&self) -> MarketSort {
        self.sort
    }

    pub(super) fn page(&self) -> u64 {
        self.page
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    pub(super) fn has_gone(&self) -> bool {
        self.with_gone
    }

    /// The same, sorted by `by`: the other way round if it is already; else as people look for it first.
    pub(super) fn sorted_by(&self, by: MarketColumn) -> Self {
        let descending = if self.sort.by == by { !self.sort.descending } else { is_greatest_first(by) };
        Self { sort: MarketSort { by, descending }, page: 1, ..self.clone() }
    }

    /// The same, on another page.
    pub(super) fn on_page(&self, page: u64) -> Self {
        Self { page, ..self.clone() }
    }

    /// The parameters of a link to it: what goes without saying is left out, but the currency never is, so that a link stays what
    /// it is.
    pub(super) fn parameters(&self) -> String {
        let mut to = Serializer::new(String::new());
        if !self.search.is_empty() {
            to.append_pair("search", &self.search);
        }
        to.append_pair("currency", &self.currency);
        if self.sort.by != RANK {
            to.append_pair("sort", self.sort.by.column());
        }
        if self.sort.descending != is_greatest_first(self.sort.by) {
            to.append_pair("order", if self.sort.descending { "desc" } else { "asc" });
        }
        if self.page != 1 {
            to.append_pair("page", &self.page.to_string());
        }
        if self.size != SIZE {
            to.append_pair("size", &self.size.to_string());
        }
        if self.with_gone {
            to.append_pair("gone", "1");
        }
        to.finish()
    }
}

/// The column `name`.
pub(crate) fn sort_column(name: &str) -> Result<MarketColumn, Trouble> {
    MarketColumn::named(name).ok_or_else(|| {
        let measures = Measure::ALL.map(Measure::column).join(", ");
        Trouble::BadParameter(format!(
            "the parameter sort must be name, symbol, last_updated, {measures}; and not {name:?}"
        ))
    })
}

/// Whether `order` is descending; without any it is what people look for first in `by`.
pub(crate) fn descending(order: Option<&str>, by: MarketColumn) -> Result<bool, Trouble> {
    Ok(one_of("order", order, &ORDERS)?.unwrap_or_else(|| is_greatest_first(by)))
}

fn is_greatest_first(by: MarketColumn) -> bool {
    !matches!(by, MarketColumn::Name | MarketColumn::Symbol | RANK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(parameters: &str) -> Result<Filter, Trouble> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        let mut asked = Asked::default();
        for (name, value) in pairs {
            *match name.as_str() {
                "search" => &mut asked.search,
                "currency" => &mut asked.currency,
                "sort" => &mut asked.sort,
                "order" => &mut asked.order,
                "page" => &mut asked.page,
                "size" => &mut asked.size,
                "gone" => &mut asked.gone,
                _ => panic!("{name}"),
            } = Some(value);
        }
        let currency = asked.currency.clone().unwrap_or_else(|| "USD".to_owned());
        Filter::of(asked, currency)
    }

    #[test]
    fn a_link_leads_to_what_it_was_made_of() {
        for parameters in [
            "currency=USD",
            "search=a%26b%3Dc+%2520+%C3%A4%22%3E&currency=EUR&sort=price&page=3&size=50&gone=1",
            "currency=USD&sort=price&order=asc",
            "currency=USD&order=desc",
            "currency=USD&sort=name&order=desc&page=999",
        ] {
            assert_eq!(filter(parameters).unwrap().parameters(), parameters);
        }
    }

    #[test]
    fn what_is_empty_was_not_asked_for() {
        let asked = filter("search=+&currency=USD&sort=&order=&page=&size=&gone=").unwrap();
        assert_eq!(asked, filter("").unwrap());
        assert_eq!(asked.query().search, None);
    }

    #[test]
    fn a_column_is_sorted_as_people_look_for_it_and_then_the_other_way() {
        let by_rank = filter("page=4").unwrap();
        let by_price = by_rank.sorted_by(MarketColumn::Measure(Measure::Price));
        assert_eq!(by_price.parameters(), "currency=USD&sort=price");
        assert_eq!(by_price.sorted_by(by_price.sort.by).parameters(), "currency=USD&sort=price&order=asc");
        assert_eq!(by_price.sorted_by(RANK).parameters(), "currency=USD");
        assert_eq!(by_rank.sorted_by(RANK).parameters(), "currency=USD&order=desc");
    }

    #[test]
    fn nonsense_is_told() {
        for (parameters, word) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=1e3", "page"),
            ("page=99999999999999999999", "page"),
            ("size=501", "size"),
            ("sort=colour", "sort"),
            ("order=up", "order"),
            ("gone=yes", "gone"),
        ] {
            let Err(Trouble::BadParameter(text)) = filter(parameters) else { panic!("{parameters}") };
            assert!(text.starts_with(&format!("the parameter {word} ")), "{text}");
        }
        assert!(filter(&format!("search={}", "x".repeat(101))).is_err());
    }
}
