//! Filling gaps from the API's history: what is asked for in which calls, what that costs, and how answers become pages.
//!
//! An answer has several hours of several coins, and a batch has one: so answers are parted by hour, and each part is written as
//! a listing of the API (v1) would have it, the text of numbers unchanged (decision 24). Page 3 of each of these batches holds the third
//! hundred of the coins.

mod answer;
mod calls;
mod coins;
mod dearer;
mod page;
mod paid;

pub(crate) use answer::PastQuotes;
pub(crate) use calls::{
    COINS_A_CALL, Currencies, HOUR, MOST_FILLED, REACH, call_credits, day_credits, is_hour, price, windows,
};
pub use coins::{KnownCoin, PastCoins};
pub(crate) use coins::{coins_from_json, coins_in_listing, coins_to_json};
pub(crate) use dearer::Dearer;
pub(crate) use page::{Parted, part, shares};
pub(crate) use paid::{paid_from_json, paid_to_json};
