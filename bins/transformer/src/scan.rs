//! A cursor over JSON text that reads each byte once, and only what is plain.
//!
//! Every function answers `None` for what it does not take for certain: bad JSON, but also an escaped text or values nested
//! deeply. Where the cursor stands then means nothing. Whoever asked reads the same text again with `serde_json`, which
//! decides; so what is read here is always JSON, and always read to the same value.

mod number;
mod text;

use serde_json::value::RawValue;

/// How deep the values of fields that nobody wants may be nested.
const MAX_DEPTH: u32 = 8;

/// A place in a JSON text.
#[derive(Clone)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// At the beginning of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text from where `begin` stood to where this one stands.
    pub(crate) fn since(&self, begin: &Self) -> &'a str {
        self.text.get(begin.at..self.at).unwrap_or_default()
    }

    /// The next byte after blanks, which stays.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.rest().first() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Takes `byte`, which must be next.
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// Nothing follows but blanks.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Takes `word` if it is next: `null`, `true` or `false`.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.rest().starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Takes a text without escapes.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let begin = self.at;
        self.at += text::plain_length(self.rest())?;
        let text = self.text.get(begin..self.at)?;
        self.at += 1;
        Some(text)
    }

    /// Takes a number, as the double nearest to it; `None` beyond the largest.
    pub(crate) fn number(&mut self) -> Option<f64> {
        self.peek();
        let (value, length) = number::parse(self.text.get(self.at..)?)?;
        self.at += length;
        Some(value)
    }

    /// Takes a whole number of digits alone.
    pub(crate) fn whole(&mut self) -> Option<u32> {
        self.peek();
        let (value, length) = number::parse_whole(self.rest())?;
        self.at += length;
        Some(value)
    }

    /// Takes null, or what `take` takes.
    #[expect(
        clippy::option_option,
        reason = "the outer says whether something was taken, the inner whether it was null"
    )]
    pub(crate) fn nullable<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.word("null") { Some(None) } else { take(self).map(Some) }
    }

    /// Takes an object. `field` gets the place and the name of each field, and takes its value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, usize, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        for place in 0.. {
            let name = self.text()?;
            self.take(b':')?;
            field(self, place, name)?;
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b'}')
    }

    /// Takes an array. `element` takes each of its elements.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            element(self)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Takes any plain value and forgets it.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_nested(MAX_DEPTH)
    }

    fn skip_nested(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'{' => {
                let depth = depth.checked_sub(1)?;
                self.object(|scan, _, _| scan.skip_nested(depth))
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                self.array(|scan| scan.skip_nested(depth))
            }
            b'n' => self.word("null").then_some(()),
            b't' => self.word("true").then_some(()),
            b'f' => self.word("false").then_some(()),
            _ => {
                self.at += number::length(self.rest())?;
                Some(())
            }
        }
    }

    /// Takes any value, however odd; `None` when it is not JSON.
    pub(crate) fn any(&mut self) -> Option<&'a RawValue> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
