//! A row of a kind: its values, in the order of the kind's fields.

use std::cmp::Ordering;

use super::MarketKind;
use super::field::Field;
use super::value::Value;

/// A row of a kind. `None` is null, or was not sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// As many as the kind has fields, in their order.
    pub values: Vec<Option<Value>>,
}

impl Record {
    /// The value of `column`.
    pub fn get(&self, kind: MarketKind, column: &str) -> Option<&Value> {
        let place = kind.description().fields.iter().position(|field| field.column == column)?;
        self.values.get(place)?.as_ref()
    }

    /// The values of the key.
    pub fn key(&self, kind: MarketKind) -> &[Option<Value>] {
        let keys = kind.description().fields.iter().take_while(|field| field.is_key).count();
        &self.values[..keys.min(self.values.len())]
    }

    /// The order of the table, by key.
    pub fn order(&self, other: &Self, kind: MarketKind) -> Ordering {
        let pairs = self.key(kind).iter().zip(other.key(kind));
        let mut orders = pairs.map(|(one, other)| match (one, other) {
            (Some(one), Some(other)) => one.order(other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Each field of the kind with its value.
    pub fn by_field(&self, kind: MarketKind) -> impl Iterator<Item = (&'static Field, Option<&Value>)> {
        kind.description().fields.iter().zip(self.values.iter().map(Option::as_ref))
    }

    /// About how many bytes it takes in memory.
    pub fn memory(&self) -> usize {
        let texts = self.values.iter().map(|value| match value {
            Some(Value::Text(text)) => 32 + text.len(),
            _ => 0,
        });
        size_of::<Self>() + self.values.capacity() * size_of::<Option<Value>>() + texts.sum::<usize>()
    }
}
