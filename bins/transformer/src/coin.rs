//! A coin that could be read, but its numbers: texts are borrowed from the page where that is possible.

use std::borrow::Cow;
use std::ops::Range;

/// What a page says of a coin, but its tags and its numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Description<'a> {
    pub(crate) id: u32,
    pub(crate) name: Cow<'a, str>,
    pub(crate) symbol: Cow<'a, str>,
    pub(crate) slug: Cow<'a, str>,
    /// In milliseconds since 1970.
    pub(crate) date_added: Option<i64>,
    pub(crate) platform_id: Option<u32>,
    pub(crate) platform_name: Option<Cow<'a, str>>,
    pub(crate) token_address: Option<Cow<'a, str>>,
    pub(crate) infinite_supply: Option<bool>,
    pub(crate) is_active: Option<bool>,
}

impl Description<'_> {
    /// What `coin` says, and its tags.
    pub(crate) fn of(coin: domain::Coin) -> (Self, Option<Vec<String>>) {
        let description = Self {
            id: coin.id,
            name: coin.name.into(),
            symbol: coin.symbol.into(),
            slug: coin.slug.into(),
            date_added: coin.date_added.map(|at| at.timestamp_millis()),
            platform_id: coin.platform_id,
            platform_name: coin.platform_name.map(Cow::Owned),
            token_address: coin.token_address.map(Cow::Owned),
            infinite_supply: coin.infinite_supply,
            is_active: coin.is_active,
        };
        (description, coin.tags)
    }
}

/// A coin in its page. Its numbers are in the frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coin<'a> {
    /// Its place in the page, from 0.
    pub(crate) index: usize,
    /// As it was sent.
    pub(crate) raw: &'a str,
    pub(crate) description: Description<'a>,
    /// Which of the tags of all coins are its own.
    pub(crate) tags: Option<Range<usize>>,
}

/// The coins of a page that could be read, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReadCoins<'a> {
    coins: Vec<Coin<'a>>,
    /// The tags of all of them, one after the other: a list for each coin would be memory to ask for each time.
    tags: Vec<Cow<'a, str>>,
}

impl<'a> ReadCoins<'a> {
    /// Adds `tags`, and says where they are.
    pub(crate) fn add_tags(&mut self, tags: impl Iterator<Item = Cow<'a, str>>) -> Range<usize> {
        let begin = self.tags.len();
        self.tags.extend(tags);
        begin..self.tags.len()
    }

    /// Adds `coin`.
    pub(crate) fn add(&mut self, coin: Coin<'a>) {
        self.coins.push(coin);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.coins.len()
    }

    /// The coin at `position`.
    pub(crate) fn get(&self, position: u32) -> Option<&Coin<'a>> {
        self.coins.get(position as usize)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Coin<'a>> {
        self.coins.iter()
    }

    /// The tags of `coin`, when it has a list of them.
    pub(crate) fn tags(&self, coin: &Coin) -> Option<&[Cow<'a, str>]> {
        self.tags.get(coin.tags.clone()?)
    }
}
