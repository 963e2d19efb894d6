//! What `coinpipe top` shows, in lines that fit the terminal.

use domain::{StageName, one_line};
use ports::TopCoin;
use ports::store::{Life, ProcessRecord};
use site::{Level, Overview, SlotState, truth_of};

use super::line::{Line, Size, Tone, end_of_line};
use crate::numbers;

/// Processes that have a line.
const PROCESSES: usize = 3;

/// What is shown.
pub(super) struct Frame {
    pub(super) all: Overview,
    pub(super) coins: Vec<TopCoin>,
    pub(super) currency: String,
    /// Whether the quotes are made up.
    pub(super) is_simulated: bool,
    /// Why the store does not answer.
    pub(super) away: Option<String>,
}

/// What stands before everything else where quotes are made up.
const BADGE: &str = "SIMULATED";

impl Frame {
    /// What is drawn on a terminal of this size, with how to leave it at its foot.
    pub(super) fn drawn(&self, size: Size) -> Vec<Line> {
        let room = Size { lines: size.lines.saturating_sub(1), ..size };
        let more = if self.is_too_much_for(room) { "; a larger terminal shows more" } else { "" };
        let mut shown = self.lines(room);
        shown.push(Line::of(Tone::Quiet, format!("q quits{more}")).fit(size.columns));
        shown
    }

    /// Whether something is cut that a terminal of a usual size shows: a line, or the market down to its first coin.
    fn is_too_much_for(&self, Size { columns, lines }: Size) -> bool {
        let above = self.above(columns).len();
        let is_cut = |line: &Line| !line.fits(columns);
        above + self.market().len().min(2) > lines || self.all(columns).iter().take(lines).any(is_cut)
    }

    /// No more lines than this, and no longer: how the pipeline is, and below it as much of the market as there is room for.
    pub(super) fn lines(&self, Size { columns, lines }: Size) -> Vec<Line> {
        self.all(columns).into_iter().take(lines).map(|line| line.fit(columns)).collect()
    }

    /// All lines that there are, however long.
    fn all(&self, columns: usize) -> Vec<Line> {
        let mut shown = self.above(columns);
        shown.extend(self.market());
        shown
    }

    /// What stands above the market.
    fn above(&self, columns: usize) -> Vec<Line> {
        let mut shown = self.truth(columns);
        shown.push(Line::plain(String::new()));
        shown.push(self.queues());
        shown.extend(self.strip(columns));
        shown.extend(self.processes());
        shown.extend(self.letters());
        shown.push(Line::plain(String::new()));
        shown
    }

    fn truth(&self, columns: usize) -> Vec<Line> {
        let truth = truth_of(&self.all.known);
        let (tone, sign) = match truth.level {
            Level::Good => (Tone::Good, '●'),
            Level::Doubtful => (Tone::Doubtful, '▲'),
            Level::Bad => (Tone::Bad, '■'),
        };
        let away = self.away.as_ref().map(|away| format!(" ({})", one_line(away, 200))).unwrap_or_default();
        let badge = if self.is_simulated { format!("{BADGE} ") } else { String::new() };
        let text = format!("{badge}{sign} {}{away}", truth.text());
        // Two lines are enough for nearly all there is to say.
        let text: Vec<char> = text.chars().collect();
        let (first, rest) = text.split_at(end_of_line(&text, columns));
        let (badge, first) = first.split_at(badge.trim_end().chars().count().min(first.len()));
        let of = |text: &[char]| text.iter().collect::<String>();
        let mut lines = vec![Line(vec![(Tone::Badge, of(badge)), (tone, of(first))])];
        if !rest.is_empty() {
            lines.push(Line::of(tone, of(rest).trim_start().to_owned()));
        }
        lines
    }

    fn queues(&self) -> Line {
        let Some(queues) = &self.all.known.queues else {
            return Line::of(Tone::Bad, "queues     cannot tell: the queue is away".to_owned());
        };
        let told = queues.iter().map(|(name, depth)| match depth.total() {
            0 => format!("{name} empty"),
            _ => format!("{name} {} ready, {} in work", depth.ready, depth.unsettled + depth.delayed),
        });
        Line::plain(format!("queues     {}", told.collect::<Vec<_>>().join("   ")))
    }

    /// The newest slots that fit.
    fn strip(&self, columns: usize) -> Option<Line> {
        let squares = &self.all.squares;
        let room = columns.saturating_sub(11).min(squares.len());
        let newest = &squares[squares.len() - room..];
        let mut pieces = vec![(Tone::Plain, "snapshots  ".to_owned())];
        pieces.extend(newest.iter().map(|square| {
            let tone = match square.state {
                SlotState::Complete | SlotState::Backfilled => Tone::Good,
                SlotState::Incomplete | SlotState::Suspect => Tone::Doubtful,
                SlotState::Missed | SlotState::Troubled => Tone::Bad,
                SlotState::Dropped | SlotState::Coming => Tone::Quiet,
            };
            (tone, square.state.sign().to_owned())
        }));
        (!squares.is_empty()).then_some(Line(pieces))
    }

    fn processes(&self) -> Vec<Line> {
        let (processes, now) = (&self.all.processes, self.all.known.now);
        let lines = processes.iter().take(PROCESSES).enumerate().map(|(index, process)| {
            let head = if index == 0 { "processes  " } else { "           " };
            let rows: u64 = process
                .rates
                .iter()
                .filter(|rate| rate.stage == StageName::Loader)
                .map(|rate| rate.rows)
                .sum();
            let (tone, word) = life(process.life(now));
            let about = format!(
                " {} {}, for {}, on {} ({}), {} rows/min",
                roles(process),
                one_line(&process.version, 20),
                numbers::age(now, process.since),
                one_line(&process.host, 30),
                process.pid,
                numbers::count(rows)
            );
            Line(vec![(Tone::Plain, head.to_owned()), (tone, word.to_owned()), (Tone::Plain, about)])
        });
        let mut lines: Vec<_> = lines.collect();
        if processes.len() > PROCESSES {
            lines.push(Line::of(Tone::Quiet, format!("           and {} more", processes.len() - PROCESSES)));
        }
        lines
    }

    /// What is open on the desk.
    fn letters(&self) -> Option<Line> {
        let open = &self.all.known.tables.as_ref()?.open;
        let newest = open.iter().max_by_key(|group| group.last_seen_at)?;
        let stage = newest.stage.map_or("–", StageName::as_str);
        let text = format!(
            "{} open; newest {}/{} of {stage}",
            numbers::counted(open.len() as u64, "group"),
            newest.class,
            one_line(&newest.code, 40)
        );
        Some(Line(vec![(Tone::Plain, "letters    ".to_owned()), (Tone::Doubtful, text)]))
    }

    fn market(&self) -> Vec<Line> {
        if self.coins.is_empty() {
            return vec![Line::of(Tone::Quiet, format!("No quotes in {}", one_line(&self.currency, 20)))];
        }
        let head = format!(
            "{:>5}  {:<8} {:>14} {:>8} {:>8} {:>8} {:>9}  {}",
            "rank",
            "symbol",
            one_line(&self.currency, 14),
            "1h",
            "24h",
            "7d",
            "cap",
            "name"
        );
        let mut lines = vec![Line::of(Tone::Strong, head)];
        lines.extend(self.coins.iter().map(|coin| {
            let symbol: String = one_line(&coin.symbol, 30).chars().take(8).collect();
            let rank = coin.rank.map_or_else(String::new, |rank| rank.to_string());
            let mut pieces = vec![
                (Tone::Quiet, format!("{rank:>5}  ")),
                (Tone::Strong, format!("{symbol:<8} ")),
                (Tone::Plain, format!("{:>14} ", numbers::price(coin.price))),
            ];
            for change in [coin.percent_change_1h, coin.percent_change_24h, coin.percent_change_7d] {
                let tone = match change {
                    Some(change) if change > 0.0 => Tone::Good,
                    Some(change) if change < 0.0 => Tone::Bad,
                    _ => Tone::Plain,
                };
                let change: String = numbers::percent(change).chars().take(8).collect();
                pieces.push((tone, format!("{change:>8} ")));
            }
            pieces.push((
                Tone::Plain,
                format!("{:>9}  {}", numbers::money(coin.market_cap), one_line(&coin.name, 40)),
            ));
            Line(pieces)
        }));
        lines
    }
}

fn roles(process: &ProcessRecord) -> String {
    if process.roles.len() == StageName::ALL.len() {
        return "coinpipe".to_owned();
    }
    process.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
}

fn life(life: Life) -> (Tone, &'static str) {
    match life {
        Life::Running => (Tone::Good, "running"),
        Life::Stopping => (Tone::Doubtful, "stopping"),
        Life::Stopped => (Tone::Quiet, "stopped"),
        Life::Gone => (Tone::Bad, "gone"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use config::StaleAfter;
    use domain::{BatchId, QueueName, Slot};
    use ports::Depth;
    use ports::store::AlertGroup;
    use site::{Facts, Known, Square};
    use testkit::contract::store::sample;

    use super::*;

    fn frame(coins: usize, processes: usize) -> Frame {
        let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
        let known = Known {
            now,
            tables: Some(Facts::default()),
            queues: Some(vec![(QueueName::Raw, Depth { ready: 3, ..Depth::default() })]),
            waiting: None,
            stale_after: StaleAfter::Auto,
            every: Duration::from_hours(1),
        };
        let square = |hour| {
            let slot = Slot::at(now - TimeDelta::hours(hour));
            let batch = BatchId::new(slot, "listings", &["USD".to_owned()]);
            Square { slot, state: SlotState::Missed, batch, why: String::new() }
        };
        let process = ProcessRecord {
            id: "a".to_owned(),
            roles: vec![StageName::Loader],
            version: "0.1.0".to_owned(),
            host: "h\x1b[31m".repeat(50),
            pid: 7,
            since: now,
            seen_at: now,
            asked_at: None,
            ended_at: None,
            rates: Vec::new(),
        };
        let coin = TopCoin {
            rank: Some(1),
            name: "\x1b]0;evil\x07 coin".to_owned(),
            symbol: "A\nB".to_owned(),
            currency: "USD".to_owned(),
            price: Some(1.7e308),
            percent_change_1h: Some(-1e300),
            percent_change_24h: None,
            percent_change_7d: Some(2.5),
            market_cap: Some(-1.7e308),
            last_updated: now,
        };
        Frame {
            all: Overview {
                known,
                squares: (0..200).map(square).collect(),
                batches: Vec::new(),
                processes: vec![process; processes],
            },
            coins: vec![coin; coins],
            currency: "USD".to_owned(),
            is_simulated: false,
            away: None,
        }
    }

    #[test]
    fn every_size_is_kept_and_nothing_from_outside_steers_the_terminal() {
        for (columns, lines) in [(80, 24), (40, 10), (200, 60), (1, 1), (0, 0)] {
            let shown = frame(100, 5).drawn(Size { columns, lines });
            assert!(shown.len() <= lines.max(1), "{columns}x{lines}: {}", shown.len());
            for line in &shown {
                let text = line.text();
                assert!(text.chars().count() <= columns, "{columns}x{lines}: {text}");
                assert!(!text.contains(|letter: char| letter.is_control()), "{text:?}");
            }
        }
    }

    #[test]
    fn a_usual_terminal_shows_pipeline_and_market() {
        let size = Size { columns: 80, lines: 24 };
        let shown = frame(100, 5).drawn(size);
        let text = shown.iter().map(Line::text).collect::<Vec<_>>().join("\n");
        for part in
            ["No quotes yet", "raw 3 ready", "✕✕✕", "running loader 0.1.0", "and 2 more", "rank", "q quits"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        // Where it is printed once, there is nothing to quit.
        assert!(frame(100, 5).lines(size).iter().all(|line| !line.text().contains("quits")));
        let coloured = shown.iter().map(Line::coloured).collect::<String>();
        assert!(coloured.contains("\x1b[31m✕\x1b[0m"), "{coloured:?}");
        assert!(!text.contains("SIMULATED"), "{text}");
        let away = Frame { away: Some("the store is not available: no answer".to_owned()), ..frame(0, 0) };
        let text = away.lines(Size { columns: 160, lines: 24 })[0].text();
        assert!(text.contains("no answer"), "{text}");
    }

    #[test]
    fn what_is_open_has_a_line_and_long_lines_end_between_words() {
        let mut all = frame(3, 1);
        let text = |frame: &Frame| {
            let lines = frame.lines(Size { columns: 80, lines: 24 });
            lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
        };
        assert!(!text(&all).contains("letters"), "{}", text(&all));
        let at = all.all.known.now;
        let newest = AlertGroup {
            class: domain::Class::RejectedRows,
            code: "price_negative".to_owned(),
            stage: Some(StageName::Transformer),
            ..sample::group("b", at)
        };
        let older = sample::group("a", at - TimeDelta::hours(1));
        all.all.known.tables = Some(Facts { open: vec![newest, older], ..Facts::default() });
        let told = "letters    2 groups open; newest rejected_rows/price_negative of transformer";
        assert!(text(&all).contains(told), "{}", text(&all));
        all.away = Some("the store is not available: nobody answers at its address".to_owned());
        let [first, second] = [0, 1].map(|line| all.lines(Size { columns: 80, lines: 24 })[line].text());
        assert!(all.truth(200)[0].text() == format!("{first} {second}"), "{first}\n{second}");
    }

    #[test]
    fn what_is_made_up_says_so_before_all_else() {
        let made_up = || Frame { is_simulated: true, ..frame(3, 1) };
        for columns in [80, 12, 9, 4, 1] {
            let first = made_up().lines(Size { columns, lines: 24 }).remove(0);
            let shown: String = "SIMULATED".chars().take(columns).collect();
            assert!(first.text().starts_with(&shown), "{columns}: {}", first.text());
        }
        let first = made_up().drawn(Size { columns: 80, lines: 24 }).remove(0);
        assert!(first.text().contains("No quotes yet"), "{}", first.text());
        assert!(first.coloured().starts_with("\x1b[7mSIMULATED\x1b[0m"), "{:?}", first.coloured());
    }

    #[test]
    fn whoever_sees_only_a_part_is_told() {
        let small = frame(100, 5).drawn(Size { columns: 50, lines: 15 });
        let foot = small.last().unwrap().text();
        assert_eq!(foot, "q quits; a larger terminal shows more");
        assert!(small.iter().any(|line| line.text().ends_with('…')));
        // So high that the market has no room, and so wide that nothing is cut.
        let low = frame(100, 5).drawn(Size { columns: 200, lines: 10 });
        assert!(low.last().unwrap().text().contains("larger"));
        let enough = frame(100, 5).drawn(Size { columns: 200, lines: 24 });
        assert_eq!(enough.last().unwrap().text(), "q quits");
    }
}
