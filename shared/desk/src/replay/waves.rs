//! How many letters are sent before it is waited for what becomes of them: one, and twice as many each time that none comes back.

/// More are not sent at once.
const MOST: usize = 256;

/// The sizes of waves.
pub(super) struct Waves {
    size: usize,
}

impl Waves {
    /// Waves that begin with one letter; or, when `all_at_once`, with the most.
    pub(super) fn new(all_at_once: bool) -> Self {
        Self { size: if all_at_once { MOST } else { 1 } }
    }

    /// How many letters the next one has, at most.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Notes that none came back.
    pub(super) fn went_well(&mut self) {
        self.size = (self.size * 2).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_double_up_to_a_bound() {
        let mut waves = Waves::new(false);
        let sizes: Vec<_> = std::iter::repeat_with(|| {
            let size = waves.size();
            waves.went_well();
            size
        })
        .take(11)
        .collect();
        assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
        assert_eq!(Waves::new(true).size(), 256);
    }
}
