//! Names, symbols and slugs of generated coins: pronounceable, and as awkward as the real ones.
//!
//! Measured on real data: every tenth symbol is shared by several coins, case matters (`XAUt`), and symbols and
//! names hold commas, spaces, quotes and emoji.

use std::collections::HashSet;

// The sounds are few on purpose: from these no syllables make a word that one would not want in a table.
const ONSETS: [&str; 20] = [
    "b", "br", "cr", "dr", "f", "fl", "fr", "gl", "l", "m", "n", "pl", "qu", "r", "st", "t", "tr", "v", "vr",
    "y",
];
const VOWELS: [&str; 7] = ["a", "e", "o", "ai", "eo", "ia", "io"];
const CODAS: [&str; 9] = ["", "", "", "", "n", "r", "x", "l", "th"];
const SUFFIXES: [&str; 20] = [
    "",
    "",
    "",
    "",
    "",
    " Protocol",
    " Finance",
    " Inu",
    " Token",
    " Network",
    " AI",
    " Coin",
    " DAO",
    " Chain",
    " Swap",
    " Games",
    " Wrapped (Bridge)",
    " 2.0",
    " Labs",
    " Cash",
];
/// What makes a name awkward: separators, quotes, escapes, other scripts, emoji.
const NAME_ODDITIES: [&str; 8] =
    [", Inc.", " 🚀", " \"OG\"", " & Söhne", " 币", " \\o/", " of O'Hara", " ‏عملة"];
/// What makes a symbol awkward.
const SYMBOL_ODDITIES: [&str; 6] = [",X", " USD", "🚀", ".e", "币", "'S"];

/// Hands out names; remembers what is taken.
#[derive(Default)]
pub(crate) struct Names {
    symbols: Vec<String>,
    taken_symbols: HashSet<String>,
    taken_slugs: HashSet<String>,
}

impl Names {
    /// Notes the symbol and slug of a coin that was not named here.
    pub(crate) fn reserve(&mut self, symbol: &str, slug: &str) {
        self.symbols.push(symbol.to_owned());
        self.taken_symbols.insert(symbol.to_owned());
        self.taken_slugs.insert(slug.to_owned());
    }

    /// A name for the next coin: two or three syllables, often a suffix, sometimes an oddity.
    pub(crate) fn name(rng: &mut fastrand::Rng) -> String {
        let mut name = String::new();
        for _ in 0..rng.usize(2..=3) {
            for parts in [&ONSETS[..], &VOWELS, &CODAS] {
                name.push_str(pick(parts, rng));
            }
        }
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        name.push_str(pick(&SUFFIXES, rng));
        if rng.f64() < 0.01 {
            name.push_str(pick(&NAME_ODDITIES, rng));
        }
        name
    }

    /// A symbol for the coin called `name`. One in ten is another coin's symbol.
    pub(crate) fn symbol(&mut self, name: &str, rng: &mut fastrand::Rng) -> String {
        let symbol = match (rng.f64(), rng.choice(&self.symbols)) {
            (dice, Some(other)) if dice < 0.10 => other.clone(),
            (dice, Some(other)) if dice < 0.115 => in_other_case(other),
            (dice, _) if dice < 0.125 => self.unused(name, rng) + pick(&SYMBOL_ODDITIES, rng),
            _ => self.unused(name, rng),
        };
        self.symbols.push(symbol.clone());
        self.taken_symbols.insert(symbol.clone());
        symbol
    }

    /// The slug for the coin called `name`: unique, as on the real site.
    pub(crate) fn slug(&mut self, name: &str, id: u32) -> String {
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let mut slug = words.join("-").to_ascii_lowercase();
        if !self.taken_slugs.insert(slug.clone()) {
            slug = format!("{slug}-{id}");
            self.taken_slugs.insert(slug.clone());
        }
        slug
    }

    /// Three letters of the name, and more letters until nobody has it.
    fn unused(&self, name: &str, rng: &mut fastrand::Rng) -> String {
        let mut symbol: String = name
            .chars()
            .filter(char::is_ascii_alphabetic)
            .take(rng.usize(3..=5))
            .collect::<String>()
            .to_uppercase();
        while self.taken_symbols.contains(&symbol) {
            symbol.push(rng.uppercase());
        }
        symbol
    }
}

fn pick<'a>(from: &[&'a str], rng: &mut fastrand::Rng) -> &'a str {
    from.get(rng.usize(..from.len())).copied().unwrap_or_default()
}

/// `XAUT` becomes `XAUt`: another coin, to anyone who compares symbols exactly.
fn in_other_case(symbol: &str) -> String {
    let mut letters: Vec<char> = symbol.chars().collect();
    if let Some(letter) = letters.iter_mut().rev().find(|letter| letter.is_ascii_alphabetic()) {
        *letter = if letter.is_ascii_uppercase() {
            letter.to_ascii_lowercase()
        } else {
            letter.to_ascii_uppercase()
        };
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_case_is_another_symbol() {
        assert_eq!(in_other_case("XAUT"), "XAUt");
        assert_eq!(in_other_case("XAUt"), "XAUT");
        assert_eq!(in_other_case("币"), "币");
    }

    #[test]
    fn a_taken_slug_gets_the_id() {
        let mut names = Names::default();
        names.reserve("BTC", "bitcoin");
        assert_eq!(names.slug("Bitcoin", 7), "bitcoin-7");
        assert_eq!(names.slug("Bit, Coin 🚀", 8), "bit-coin");
    }
}
