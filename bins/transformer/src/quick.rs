//! Reads a coin in one pass, when it is as the API sends it.
//!
//! `None` for whatever is not plain: an escaped text, a field sent twice, a number in quotes, a currency that is not there.
//! Such a coin goes to [`read_coin`](crate::read::read_coin), which is slower, and decides: what is read here is always what
//! would be read there. The tests hold the two together.

mod names;
mod quotes;

use std::borrow::Cow;

use domain::timestamp;

use self::names::{COIN, CoinField, Names, PLATFORM, PlatformField, once};
pub(crate) use self::quotes::Numbers;
use self::quotes::Quotes;
use crate::coin::Description;
use crate::frame::QuoteNumbers;
use crate::read::{MAX_CHARS, MAX_TAGS};
use crate::scan::Scan;

/// Reads coins, one after the other, with memory for one.
pub(crate) struct QuickReader<'a, 'c> {
    names: Names<'a, CoinField>,
    platform_names: Names<'a, PlatformField>,
    /// Of the coin that was read last.
    tags: Vec<&'a str>,
    has_tags: bool,
    quotes: Quotes<'a, 'c>,
    of_coin: Numbers,
    /// The bits of the fields that every coin has.
    required: u32,
}

impl<'a, 'c> QuickReader<'a, 'c> {
    /// For coins with one quote in each currency of `convert`; `None` when those are odd.
    pub(crate) fn new(convert: &'c [String]) -> Option<Self> {
        let names = Names::new(&COIN);
        let required = names.bits(&[CoinField::Id, CoinField::Name, CoinField::Symbol, CoinField::Slug]);
        Some(Self {
            names,
            platform_names: Names::new(&PLATFORM),
            tags: Vec::new(),
            has_tags: false,
            quotes: Quotes::new(convert)?,
            of_coin: Numbers::default(),
            required,
        })
    }

    /// Takes a coin, and keeps its tags and quotes until the next.
    pub(crate) fn coin(&mut self, scan: &mut Scan<'a>) -> Option<Description<'a>> {
        let Self { names, platform_names, tags, has_tags, quotes, of_coin, required } = self;
        tags.clear();
        *has_tags = false;
        quotes.clear();
        *of_coin = Numbers::default();
        let mut coin = Description::default();
        let mut seen = 0;
        scan.object(|scan, place, name| {
            let Some((bit, field)) = names.find(place, name) else { return scan.skip() };
            once(&mut seen, bit)?;
            match field {
                CoinField::Id => coin.id = scan.whole()?,
                CoinField::Name => coin.name = text(scan)?.into(),
                CoinField::Symbol => coin.symbol = text(scan)?.into(),
                CoinField::Slug => coin.slug = text(scan)?.into(),
                CoinField::DateAdded => {
                    coin.date_added = scan.nullable(Scan::text)?.and_then(millis);
                }
                CoinField::Platform => {
                    scan.nullable(|scan| platform(scan, platform_names, &mut coin))?;
                }
                CoinField::Tags => *has_tags = scan.nullable(|scan| read_tags(scan, tags))?.is_some(),
                CoinField::InfiniteSupply => coin.infinite_supply = scan.nullable(flag)?,
                CoinField::IsActive => coin.is_active = scan.nullable(flag)?,
                CoinField::Quote => quotes.read(scan)?,
                CoinField::Measure(measure) => of_coin.read(scan, measure)?,
            }
            Some(())
        })?;
        (seen & *required == *required && coin.id > 0 && quotes.are_all_there()).then_some(coin)
    }

    /// The tags of the coin that was taken last, when it has a list of them.
    pub(crate) fn tags(&self) -> Option<impl Iterator<Item = Cow<'a, str>>> {
        self.has_tags.then(|| self.tags.iter().copied().map(Cow::Borrowed))
    }

    /// The quotes of the coin that was taken last, in the order of the currencies.
    pub(crate) fn quotes(&self) -> impl Iterator<Item = QuoteNumbers> {
        self.quotes.with(&self.of_coin)
    }
}

/// A text that every table holds. Without escapes, it has no NUL.
fn text<'a>(scan: &mut Scan<'a>) -> Option<&'a str> {
    // As many bytes are at most as many characters.
    scan.text().filter(|text| text.len() <= MAX_CHARS)
}

/// The instant `text`, in milliseconds since 1970.
fn millis(text: &str) -> Option<i64> {
    Some(timestamp::from_text(text)?.timestamp_millis())
}

fn flag(scan: &mut Scan) -> Option<bool> {
    if scan.word("true") {
        return Some(true);
    }
    if scan.word("false") {
        return Some(false);
    }
    match scan.whole()? {
        1 => Some(true),
        0 => Some(false),
        _ => None,
    }
}

fn platform<'a>(
    scan: &mut Scan<'a>,
    names: &mut Names<'a, PlatformField>,
    coin: &mut Description<'a>,
) -> Option<()> {
    let mut seen = 0;
    scan.object(|scan, place, name| {
        let Some((bit, field)) = names.find(place, name) else { return scan.skip() };
        once(&mut seen, bit)?;
        match field {
            PlatformField::Id => coin.platform_id = scan.nullable(Scan::whole)?.filter(|&id| id > 0),
            PlatformField::Name => coin.platform_name = scan.nullable(text)?.map(Cow::Borrowed),
            PlatformField::TokenAddress => coin.token_address = scan.nullable(text)?.map(Cow::Borrowed),
        }
        Some(())
    })
}

fn read_tags<'a>(scan: &mut Scan<'a>, tags: &mut Vec<&'a str>) -> Option<()> {
    scan.array(|scan| {
        tags.push(text(scan)?);
        (tags.len() <= MAX_TAGS).then_some(())
    })
}
