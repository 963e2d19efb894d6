//! The currency of a view.

use domain::one_line;
use ports::store::CurrencyUse;

use crate::parameters::word;
use crate::trouble::Trouble;

/// The currency that was `asked` for, or the first of those that there are; never one without quotes.
pub(crate) fn chosen(currencies: &[CurrencyUse], asked: Option<&str>) -> Result<String, Trouble> {
    let asked = word(asked);
    let mut names = currencies.iter().map(|it| &it.currency);
    let Some(asked) = asked else {
        return names.next().cloned().ok_or_else(|| Trouble::NotFound("there are no quotes yet".to_owned()));
    };
    if let Some(currency) = names.find(|name| name.eq_ignore_ascii_case(asked)) {
        return Ok(currency.clone());
    }
    let names: Vec<_> = currencies.iter().map(|it| it.currency.as_str()).collect();
    // In quotation marks, so that nobody takes what stands in a link for what the site says.
    let asked = one_line(asked, 50);
    Err(Trouble::BadParameter(if names.is_empty() {
        format!("there are no quotes in the currency {asked:?}")
    } else {
        format!("there are no quotes in the currency {asked:?}; there are in {}", names.join(", "))
    }))
}
