//! Lines of a terminal, with their colours.

/// Columns and lines of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// What a piece of text is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Quiet,
    Good,
    Doubtful,
    Bad,
    Badge,
}

/// A line: pieces of text, each with its tone.
pub(super) struct Line(pub(super) Vec<(Tone, String)>);

impl Line {
    pub(super) fn plain(text: String) -> Self {
        Self(vec![(Tone::Plain, text)])
    }

    pub(super) fn of(tone: Tone, text: String) -> Self {
        Self(vec![(tone, text)])
    }

    /// Without colours.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect::<String>().trim_end().to_owned()
    }

    /// With the colours of the terminal.
    pub(super) fn coloured(&self) -> String {
        let pieces = self.0.iter().map(|(tone, text)| {
            let code = match tone {
                Tone::Plain => return text.clone(),
                Tone::Strong => "1",
                Tone::Quiet => "2",
                Tone::Good => "32",
                Tone::Doubtful => "33",
                Tone::Bad => "31",
                Tone::Badge => "7",
            };
            format!("\x1b[{code}m{text}\x1b[0m")
        });
        pieces.collect()
    }

    /// Whether it takes no more than `columns`.
    pub(super) fn fits(&self, columns: usize) -> bool {
        self.text().chars().count() <= columns
    }

    /// No longer than `columns`; what was cut ends in `…`.
    pub(super) fn fit(self, columns: usize) -> Self {
        let end = if self.fits(columns) { "" } else { "…" };
        let mut room = columns.saturating_sub(end.chars().count());
        let pieces = self.0.into_iter().map(|(tone, text)| {
            let text: String = text.chars().take(room).collect();
            room -= text.chars().count();
            (tone, text)
        });
        let mut pieces: Vec<_> = pieces.collect();
        if columns > 0 {
            pieces.push((Tone::Quiet, end.to_owned()));
        }
        Self(pieces)
    }
}

/// Where a line of so many columns ends in `text`: between two words, if it can be.
pub(super) fn end_of_line(text: &[char], columns: usize) -> usize {
    let columns = columns.max(1);
    if text.len() <= columns {
        return text.len();
    }
    let between = text[..=columns].iter().rposition(|&letter| letter == ' ');
    between.filter(|&at| at > columns / 2).unwrap_or(columns)
}
