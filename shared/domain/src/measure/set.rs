//! Sets of measures.

use super::Measure;

/// A set of measures; used to tell "the API did not send the field" from "it sent null".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureSet(u32);

impl MeasureSet {
    /// Adds `measure`.
    pub fn insert(&mut self, measure: Measure) {
        self.0 |= 1 << measure as u8;
    }

    /// Whether `measure` is in the set.
    pub fn contains(self, measure: Measure) -> bool {
        self.0 & (1 << measure as u8) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in column order.
    pub fn iter(self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().filter(move |&measure| self.contains(measure))
    }

    /// The column names joined by commas, or `None` for the empty set: the form kept in the tables.
    pub fn to_column_list(self) -> Option<String> {
        (!self.is_empty()).then(|| self.iter().map(Measure::column).collect::<Vec<_>>().join(","))
    }

    /// The set as bits: bit `n` stands for `Measure::ALL[n]`.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set for these bits; bits beyond the known measures are dropped.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << Measure::COUNT) - 1))
    }
}

impl FromIterator<Measure> for MeasureSet {
    fn from_iter<I: IntoIterator<Item = Measure>>(measures: I) -> Self {
        let mut set = Self::default();
        measures.into_iter().for_each(|measure| set.insert(measure));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_names_its_columns_and_drops_unknown_bits() {
        let set: MeasureSet = [Measure::MaxSupply, Measure::Price].into_iter().collect();
        assert_eq!(set.to_column_list().as_deref(), Some("price,max_supply"));
        assert_eq!(MeasureSet::from_bits(set.bits() | 1 << 30), set);
        assert_eq!(MeasureSet::default().to_column_list(), None);
    }
}
