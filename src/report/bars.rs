//! Bars on a terminal: for the input and for each lane a line with the bar and a line of words.
//!
//! The bar takes what the counts leave of its line, and of the words only those are shown that fit whole, so that forty
//! columns hold everything that matters. Nothing has a colour: there is none to turn off.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::board::{Board, Lane, Reading, time_of_day};
use crate::domain::provider::ProviderId;

/// How often numbers are drawn anew: no one reads faster, and a fast lane has thousands of answers a second.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// How far the words stand in from the left.
const INDENT: &str = "  ";
/// A bar whose end is known.
const OF_SHARE: &str = "{prefix:9} [{wide_bar}] {percent:>3}%\n  {msg}";
/// A bar of things that are counted.
const OF_COUNT: &str = "{prefix:9} [{wide_bar}] {human_pos}/{human_len}\n  {msg}";
/// Something whose end nobody knows.
const OPEN_ENDED: &str = "{prefix:9}\n  {msg}";

/// The bars of a run.
pub(super) struct Bars {
    all: MultiProgress,
    columns: fn() -> usize,
    reading: Option<ProgressBar>,
    lanes: BTreeMap<ProviderId, ProgressBar>,
    drawn: Option<Duration>,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").field("lanes", &self.lanes.keys()).finish_non_exhaustive()
    }
}

impl Bars {
    /// Bars among `all`; `columns` says how wide the terminal is now.
    pub(super) fn new(all: MultiProgress, columns: fn() -> usize) -> Self {
        Self { all, columns, reading: None, lanes: BTreeMap::new(), drawn: None }
    }

    /// Draws the numbers when it is time to.
    pub(super) fn tick(&mut self, board: &Board, limits: &BTreeMap<ProviderId, f64>, now: Duration) {
        if self.drawn.is_none_or(|drawn| now.saturating_sub(drawn) >= DRAWN_EVERY) {
            self.drawn = Some(now);
            self.draw(board, limits);
        }
    }

    /// Draws the numbers.
    pub(super) fn draw(&mut self, board: &Board, limits: &BTreeMap<ProviderId, f64>) {
        let room = (self.columns)().saturating_sub(INDENT.len());
        if let Some(reading) = &board.reading {
            let form = if reading.bytes_total == 0 { OPEN_ENDED } else { OF_SHARE };
            let bar = self.reading.get_or_insert_with(|| self.all.add(new_bar("reading", form)));
            draw_reading(bar, reading, room);
        }
        for (provider, lane) in &board.lanes {
            let bar = || self.all.add(new_bar(provider.name(), OF_COUNT));
            let bar = self.lanes.entry(*provider).or_insert_with(bar);
            draw_lane(bar, lane, limits.get(provider).copied(), room);
        }
    }

    /// Writes a line above the bars.
    pub(super) fn print(&self, line: &str) -> io::Result<()> {
        self.all.println(line)
    }

    /// Takes the bars away.
    pub(super) fn clear(&self) {
        for bar in self.reading.iter().chain(self.lanes.values()) {
            bar.finish_and_clear();
        }
    }
}

fn draw_reading(bar: &ProgressBar, reading: &Reading, room: usize) {
    bar.set_length(reading.bytes_total);
    bar.set_position(reading.bytes);
    bar.set_message(fitting(&reading.parts(), room));
    if reading.done && !bar.is_finished() {
        bar.abandon();
    }
}

fn draw_lane(bar: &ProgressBar, lane: &Lane, limit: Option<f64>, room: usize) {
    bar.set_length(lane.total);
    bar.set_position(lane.settled);
    bar.set_message(fitting(&lane.parts(limit, time_of_day), room));
}

fn new_bar(name: &'static str, form: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(form)
        .expect("the template is a constant of the right form")
        .progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

/// The parts that fit whole beside those before them; of the first one, which says most, what fits.
fn fitting(parts: &[String], room: usize) -> String {
    let mut text = String::new();
    for part in parts {
        if text.is_empty() {
            text.extend(part.chars().take(room));
        } else if text.len() + ", ".len() + part.len() <= room {
            text.push_str(", ");
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::event::{Event, LaneState};
    use crate::report::board::tests::call;

    const LINES: u16 = 16;

    /// A terminal with so many columns, and the bars on it.
    struct Screen {
        terminal: InMemoryTerm,
        all: MultiProgress,
        bars: Bars,
        board: Board,
        now: Duration,
    }

    impl Screen {
        fn with(columns: u16) -> Self {
            let terminal = InMemoryTerm::new(LINES, columns);
            let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
            let all = MultiProgress::with_draw_target(target);
            let width: fn() -> usize = if columns == 40 { || 40 } else { || 80 };
            let bars = Bars::new(all.clone(), width);
            Self { terminal, all, bars, board: Board::default(), now: Duration::ZERO }
        }

        fn hear(&mut self, event: &Event) {
            self.board.hear(event, self.now);
        }

        fn lane(&mut self, provider: ProviderId, state: LaneState, total: u64) {
            self.hear(&Event::Lane { provider, state, total });
        }

        /// What the terminal shows.
        fn shown(&mut self) -> String {
            self.bars.draw(&self.board, &[(ProviderId::Wsone, 10.0)].into());
            self.terminal.contents()
        }
    }

    /// In the middle of a night: read, one lane sending with retries, one waiting, one that is down.
    fn night(columns: u16) -> Screen {
        let mut screen = Screen::with(columns);
        for (bytes, at) in [(210_000_000, 1), (2_310_000_000, 11)] {
            screen.now = Duration::from_secs(at);
            screen.hear(&Event::Reading { rows: bytes / 210, bytes, bytes_total: 3_780_000_000 });
        }
        let until = Timestamp(1_795_382_186_123);
        screen.lane(ProviderId::Wsone, LaneState::Running, 36_000);
        screen.lane(ProviderId::Lemonway, LaneState::Throttled { until }, 812);
        screen.lane(ProviderId::Safedebit, LaneState::BreakerOpen { until }, 1_234_567);
        for tenth in 0..=200_u32 {
            screen.now = Duration::from_secs(20) + Duration::from_millis(100) * tenth;
            screen.hear(&call(1 + tenth % 3 / 2, tenth % 3 != 1));
        }
        screen
    }

    #[test]
    fn eighty_columns_show_a_night() {
        insta::assert_snapshot!(night(80).shown());
    }

    #[test]
    fn forty_columns_show_a_night_line_for_line() {
        let shown = night(40).shown();
        assert_eq!(shown.lines().count(), 8, "no line was broken in two:\n{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn log_lines_stand_above_the_bars_and_tear_none() {
        let mut screen = night(40);
        let before = screen.shown();
        let long = "warning: longer than forty columns are, and therefore two lines";
        screen.bars.print(long).unwrap();
        // As the log and the console do it: the bars are away while the line is written.
        let written: &dyn TermLike = &screen.terminal;
        screen.all.suspend(|| {
            written.write_line("a line of the log").unwrap();
        });
        let shown = screen.shown();
        let above = shown.strip_suffix(&before).unwrap_or_else(|| unreachable!("bars are torn:\n{shown}"));
        let lines =
            ["warning: longer than forty columns are,", "and therefore two lines", "a line of the log"];
        assert_eq!(above.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn there_is_no_colour_to_turn_off_and_nothing_stays_behind() {
        let mut screen = night(80);
        let plain = screen.shown();
        let formatted = String::from_utf8(screen.terminal.contents_formatted()).unwrap();
        let lines = formatted.lines().map(|line| line.trim_end_matches("\u{1b}[m").trim_end());
        assert_eq!(lines.collect::<Vec<_>>(), plain.lines().collect::<Vec<_>>());
        screen.bars.clear();
        assert_eq!(screen.terminal.contents(), "");
    }

    #[test]
    fn an_input_without_an_end_has_no_bar_and_one_that_was_read_stands_still() {
        let mut screen = Screen::with(80);
        screen.hear(&Event::Reading { rows: 1_000, bytes: 10, bytes_total: 0 });
        assert_eq!(screen.shown(), "reading\n  1,000 rows");
        screen.hear(&Event::Ingested { rows: 1_200, new: 0, changed: 0, planned: 0 });
        assert_eq!(screen.shown(), "reading\n  1,200 rows");
    }

    #[test]
    fn numbers_are_drawn_ten_times_a_second() {
        let mut screen = Screen::with(80);
        screen.lane(ProviderId::Wsone, LaneState::Running, 9);
        let limits = BTreeMap::new();
        for (at, position) in [(0, 0), (50, 0), (99, 0), (100, 3)] {
            let now = Duration::from_millis(at);
            screen.bars.tick(&screen.board, &limits, now);
            assert_eq!(screen.bars.lanes[&ProviderId::Wsone].position(), position, "after {at} ms");
            screen.hear(&call(1, true));
        }
    }

    #[test]
    fn parts_are_shown_whole_or_not_at_all() {
        let parts = ["sending", "12 retries", "9.8 of 10/s"].map(str::to_owned);
        for (room, text) in [
            (40, "sending, 12 retries, 9.8 of 10/s"),
            (20, "sending, 12 retries"),
            (18, "sending"),
            (4, "send"),
        ] {
            assert_eq!(fitting(&parts, room), text);
        }
    }
}
