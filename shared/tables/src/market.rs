//! The tables of the kinds of the market, made from the [descriptions](domain::KindDescription) of the kinds, and what is loaded
//! into them.

pub mod load;
pub mod maps;
pub mod statements;
mod table;
pub mod values;
