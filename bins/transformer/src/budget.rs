//! How much memory a page may take while it is cleaned.
//!
//! A real page has a few MB. One byte of a hostile page may take a hundred bytes once it is read: the tag `""`, a quote that
//! is nothing but its instant. So all that is kept of a page is counted, as much as it takes at its largest, between the
//! reading of the page and its messages. A page that needs more than a small multiple of its size is a bad page. Together
//! with the page itself that stays below 4 × its decoded size + 64 MiB.

use std::borrow::Cow;

use crate::coin::Description;
use crate::fault::PageFault;
use crate::reject::Reject;

/// What may be kept for each byte of the page. A coin as the API sends it takes less than one and a half.
const BYTES_FOR_A_BYTE: usize = 2;
/// What may be kept of any page, in bytes.
const BYTES_FOR_ALL: usize = 40 << 20;

/// What a coin takes beside its texts and quotes.
const COIN_BYTES: usize = 200;
/// More than a quote takes as a row of the frame, and more than it takes on the wire.
const QUOTE_BYTES: usize = 312;
/// What a quote takes beside that, which is counted twice.
const QUOTE_ROW_BYTES: usize = 200;
/// What the allocator adds to the bytes of a text.
const TEXT_BYTES: usize = 32;

/// What is left of what may be kept of a page.
pub(crate) struct Budget {
    page_bytes: usize,
    left: usize,
}

impl Budget {
    /// For a page of so many bytes, decoded.
    pub(crate) fn new(page_bytes: usize) -> Self {
        Self { page_bytes, left: page_bytes * BYTES_FOR_A_BYTE + BYTES_FOR_ALL }
    }

    /// Counts a coin that could be read, with one quote in each currency of `convert`, twice: it is in the message of its
    /// chunk, too. That is as much as it took when its texts were copied, so that what is too much does not depend on how
    /// a page is read.
    pub(crate) fn keep_coin(
        &mut self,
        coin: &Description,
        tags: Option<&[Cow<str>]>,
        convert: &[String],
    ) -> Result<(), PageFault> {
        let names = [&coin.name, &coin.symbol, &coin.slug].into_iter();
        let names = names.chain(&coin.platform_name).chain(&coin.token_address);
        let names: usize = names.map(|text| TEXT_BYTES + text.len()).sum();
        let tags = tags.unwrap_or_default().iter().map(|tag| size_of::<String>() + TEXT_BYTES + tag.len());
        let quotes = convert.iter().map(|currency| QUOTE_BYTES + TEXT_BYTES + currency.len());
        let coin = COIN_BYTES + names + tags.sum::<usize>() + quotes.sum::<usize>();
        self.keep(2 * coin + QUOTE_ROW_BYTES * convert.len())
    }

    /// Counts a coin that could not be read. Its texts are in a letter, too.
    pub(crate) fn keep_reject(&mut self, reject: &Reject) -> Result<(), PageFault> {
        self.keep(size_of::<Reject>() + 2 * (reject.raw.len() + reject.reason.len() + TEXT_BYTES))
    }

    fn keep(&mut self, bytes: usize) -> Result<(), PageFault> {
        self.left = self.left.checked_sub(bytes).ok_or(PageFault::TooDense { bytes: self.page_bytes })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::CoinRow;
    use serde_json::value::RawValue;

    use super::*;
    use crate::read::{read_coin, rows};
    use crate::test_page::TestCoin;

    fn keep(budget: &mut Budget, row: &CoinRow) -> Result<(), PageFault> {
        let convert: Vec<_> = row.quotes.iter().map(|quote| quote.currency.clone()).collect();
        let (coin, tags) = Description::of(row.coin.clone().into_inner());
        let tags: Option<Vec<_>> = tags.map(|tags| tags.into_iter().map(Cow::Owned).collect());
        budget.keep_coin(&coin, tags.as_deref(), &convert)
    }

    #[test]
    fn coins_of_the_api_are_within_what_their_bytes_allow() {
        let currencies: Vec<_> = (0..119).map(|n| format!("C{n}")).collect();
        for convert in [&[][..], &currencies] {
            let coin = convert.iter().fold(TestCoin::new(1), |coin, currency| coin.also_in(currency));
            let bytes = coin.json().len();
            let convert: Vec<_> = std::iter::once("USD".to_owned()).chain(convert.to_vec()).collect();
            let raw = RawValue::from_string(coin.json()).unwrap();
            let mut budget = Budget { page_bytes: bytes, left: bytes * BYTES_FOR_A_BYTE };
            keep(&mut budget, &read_coin(&raw, &convert).unwrap()).unwrap();
        }
    }

    #[test]
    fn many_small_things_are_too_much_for_a_small_page() {
        let tags = format!("[{}]", vec!["\"\""; 1000].join(","));
        let row = &rows(&[TestCoin::new(1).set("tags", &tags)])[0];
        let mut budget = Budget::new(1 << 20);
        let kept = (0..10_000).take_while(|_| keep(&mut budget, row).is_ok()).count();
        assert!((100..1000).contains(&kept), "{kept}");
    }
}
