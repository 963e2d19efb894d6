//! Which field a name stands for.

use std::sync::LazyLock;

use domain::Measure;

/// The fields of a coin that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CoinField {
    Id,
    Name,
    Symbol,
    Slug,
    DateAdded,
    Platform,
    Tags,
    InfiniteSupply,
    IsActive,
    Quote,
    Measure(Measure),
}

/// The fields of a quote that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteField {
    Symbol,
    LastUpdated,
    Measure(Measure),
}

/// The fields of a platform that are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PlatformField {
    Id,
    Name,
    TokenAddress,
}

pub(super) static COIN: LazyLock<Vec<(&str, CoinField)>> = LazyLock::new(|| {
    let others = [
        ("id", CoinField::Id),
        ("name", CoinField::Name),
        ("symbol", CoinField::Symbol),
        ("slug", CoinField::Slug),
        ("date_added", CoinField::DateAdded),
        ("platform", CoinField::Platform),
        ("tags", CoinField::Tags),
        ("infinite_supply", CoinField::InfiniteSupply),
        ("is_active", CoinField::IsActive),
        ("quote", CoinField::Quote),
    ];
    let measures = Measure::ALL.into_iter().filter(|measure| measure.is_per_coin());
    others.into_iter().chain(measures.map(|it| (it.column(), CoinField::Measure(it)))).collect()
});

pub(super) static QUOTE: LazyLock<Vec<(&str, QuoteField)>> = LazyLock::new(|| {
    let others = [("symbol", QuoteField::Symbol), ("last_updated", QuoteField::LastUpdated)];
    let measures = Measure::ALL.into_iter().filter(|measure| !measure.is_per_coin());
    others.into_iter().chain(measures.map(|it| (it.column(), QuoteField::Measure(it)))).collect()
});

pub(super) const PLATFORM: [(&str, PlatformField); 3] = [
    ("id", PlatformField::Id),
    ("name", PlatformField::Name),
    ("token_address", PlatformField::TokenAddress),
];

/// Finds fields by their names.
///
/// The objects of a page have their fields in one order. So what stood at a place in the last object is compared first,
/// and mostly it is that: without it, the whole way from the page to the messages takes 8 % more instructions.
pub(super) struct Names<'a, F: 'static> {
    known: &'static [(&'static str, F)],
    last: Vec<(&'a str, Option<(u32, F)>)>,
}

impl<'a, F: Copy + PartialEq> Names<'a, F> {
    /// The most fields of an object whose order is remembered; the API sends thirty.
    const MOST: usize = 100;

    pub(super) fn new(known: &'static [(&'static str, F)]) -> Self {
        Self { known, last: Vec::new() }
    }

    /// The field that `name`, which stands at `place` of its object, is, and a bit of its own; `None` when nobody wants it.
    pub(super) fn find(&mut self, place: usize, name: &'a str) -> Option<(u32, F)> {
        match self.last.get_mut(place) {
            Some((last, field)) if *last == name => *field,
            Some(last) => {
                *last = (name, look_up(self.known, name));
                last.1
            }
            None => {
                let field = look_up(self.known, name);
                if place < Self::MOST {
                    self.last.push((name, field));
                }
                field
            }
        }
    }

    /// The bits of these fields.
    pub(super) fn bits(&self, fields: &[F]) -> u32 {
        (0..).zip(self.known).filter(|(_, (_, field))| fields.contains(field)).map(|(at, _)| 1 << at).sum()
    }
}

fn look_up<F: Copy>(known: &[(&str, F)], name: &str) -> Option<(u32, F)> {
    let (at, (_, field)) = (0..).zip(known).find(|(_, (known, _))| *known == name)?;
    Some((1 << at, *field))
}

/// Adds `bit` to `seen`; `None` when it is there already.
pub(super) fn once(seen: &mut u32, bit: u32) -> Option<()> {
    let is_first = *seen & bit == 0;
    *seen |= bit;
    is_first.then_some(())
}
