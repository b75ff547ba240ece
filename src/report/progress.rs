//! What people see while a run goes on: bars on a terminal, a line a minute elsewhere.
//!
//! A board keeps the numbers, fed by events; the two ways of showing draw from it. Nothing here knows the
//! clock: times are passed in as the time since the start.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use indicatif::MultiProgress;

use super::bars::Bars;
use super::board::Board;
use super::shown::Shown;
use super::text::grouped;
use crate::domain::event::{Event, LaneState};
use crate::domain::provider::ProviderId;

/// How often a line is written where there is no terminal: often enough to see that it lives, seldom enough for
/// a log.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// How much a change of a lane matters to someone who reads a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Nothing to say that the line of the minute does not say too.
    Usual,
    /// Worth a line, but it may come back every second: at most one a minute for each lane and state.
    Trouble,
    /// The last thing that a lane does.
    End,
}

fn weight(state: LaneState) -> Weight {
    match state {
        LaneState::Running => Weight::Usual,
        LaneState::Settling { .. } | LaneState::Throttled { .. } | LaneState::BreakerOpen { .. } => {
            Weight::Trouble
        }
        LaneState::Denied
        | LaneState::Unavailable
        | LaneState::TooManyErrors
        | LaneState::BudgetUsed
        | LaneState::Interrupted
        | LaneState::Failed
        | LaneState::Drained => Weight::End,
    }
}

/// When each kind of trouble of each lane was told last.
type Told = HashMap<(ProviderId, Discriminant<LaneState>), Duration>;

/// Shows a board as it changes.
#[derive(Debug)]
pub struct Progress {
    board: Board,
    limits: BTreeMap<ProviderId, f64>,
    display: Display,
}

enum Display {
    Bars(Bars),
    Lines { out: Box<dyn Write + Send>, last: Duration, told: Told },
    Warnings { out: Box<dyn Write + Send> },
}

impl std::fmt::Debug for Display {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bars(_) => "Bars",
            Self::Lines { .. } => "Lines",
            Self::Warnings { .. } => "Warnings",
        })
    }
}

impl Progress {
    /// Bars on a terminal that is `columns` wide; `limits` are the configured rates in requests a second.
    #[must_use]
    pub fn bars(all: MultiProgress, columns: fn() -> usize, limits: BTreeMap<ProviderId, f64>) -> Self {
        Self { board: Board::default(), limits, display: Display::Bars(Bars::new(all, columns)) }
    }

    /// A line a minute, one for each lane that ends, and one for trouble: at most once a minute for each lane and
    /// kind of trouble, however often it comes and goes.
    #[must_use]
    pub fn lines(out: Box<dyn Write + Send>, limits: BTreeMap<ProviderId, f64>) -> Self {
        let display = Display::Lines { out, last: Duration::ZERO, told: Told::new() };
        Self { board: Board::default(), limits, display }
    }

    /// Nothing but warnings.
    #[must_use]
    pub fn warnings(out: Box<dyn Write + Send>) -> Self {
        Self { board: Board::default(), limits: BTreeMap::new(), display: Display::Warnings { out } }
    }

    /// Takes an event in and shows what it changes; `now` is the time since the start. Mere numbers are left to
    /// [`tick`](Self::tick).
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn hear(&mut self, event: &Event, now: Duration) -> std::io::Result<()> {
        self.board.hear(event, now);
        if let Event::Warning { message } = event {
            return self.warn(message);
        }
        match &mut self.display {
            Display::Bars(bars) => {
                if matches!(event, Event::Lane { .. } | Event::Ingested { .. }) {
                    bars.draw(&self.board, &self.limits);
                }
                Ok(())
            }
            Display::Lines { out, last, told } => match event {
                Event::Lane { provider, state, .. } if is_told(told, *provider, *state, now) => {
                    write_lane(out, &self.board, *provider, &self.limits)
                }
                Event::Ingested { rows, new, changed, planned } => {
                    *last = now;
                    let [rows, new, changed, planned] = [rows, new, changed, planned].map(|n| grouped(*n));
                    writeln!(out, "read {rows} rows: {new} new, {changed} changed, {planned} calls to make")
                }
                Event::Lane { .. }
                | Event::Reading { .. }
                | Event::Call { .. }
                | Event::RunStarted { .. }
                | Event::BackedUp { .. }
                | Event::Warning { .. }
                | Event::RunFinished { .. } => Ok(()),
            },
            Display::Warnings { .. } => Ok(()),
        }
    }

    /// Lets time pass: draws the numbers, or writes the line of the minute.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn tick(&mut self, now: Duration) -> std::io::Result<()> {
        match &mut self.display {
            Display::Bars(bars) => {
                bars.tick(&self.board, &self.limits, now);
                Ok(())
            }
            Display::Lines { out, last, .. } if now.saturating_sub(*last) >= LINE_EVERY => {
                *last = now;
                write_line(out, &self.board, &self.limits)
            }
            Display::Lines { .. } | Display::Warnings { .. } => Ok(()),
        }
    }

    /// Takes the bars away, so that what comes next has the screen.
    pub fn finish(&mut self) {
        match &self.display {
            Display::Bars(bars) => bars.clear(),
            Display::Lines { .. } | Display::Warnings { .. } => {}
        }
    }

    fn warn(&mut self, message: &str) -> std::io::Result<()> {
        let line = format!("warning: {}", Shown(message));
        match &mut self.display {
            Display::Bars(bars) => bars.print(&line),
            Display::Lines { out, .. } | Display::Warnings { out } => writeln!(out, "{line}"),
        }
    }
}

/// Whether this change of a lane is worth a line now.
fn is_told(told: &mut Told, provider: ProviderId, state: LaneState, now: Duration) -> bool {
    match weight(state) {
        Weight::Usual => false,
        Weight::End => true,
        Weight::Trouble => {
            let key = (provider, discriminant(&state));
            let due = told.get(&key).is_none_or(|last| now.saturating_sub(*last) >= LINE_EVERY);
            if due {
                told.insert(key, now);
            }
            due
        }
    }
}

fn write_lane(
    out: &mut dyn Write,
    board: &Board,
    provider: ProviderId,
    limits: &BTreeMap<ProviderId, f64>,
) -> std::io::Result<()> {
    board.lane_line(provider, limits).map_or(Ok(()), |line| writeln!(out, "{line}"))
}

fn write_line(out: &mut dyn Write, board: &Board, limits: &BTreeMap<ProviderId, f64>) -> std::io::Result<()> {
    board.line(limits).map_or(Ok(()), |line| writeln!(out, "{line}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::report::board::tests::call;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn lane(state: LaneState) -> Event {
        Event::Lane { provider: ProviderId::Wsone, state, total: 200 }
    }

    #[test]
    fn a_log_gets_a_line_a_minute_and_what_matters() {
        let screen = Screen::default();
        let mut progress = Progress::lines(Box::new(screen.clone()), [(ProviderId::Wsone, 10.0)].into());
        let second = Duration::from_secs;
        progress.hear(&Event::Reading { rows: 500, bytes: 25, bytes_total: 100 }, second(0)).unwrap();
        progress.tick(second(59)).unwrap();
        progress.tick(second(60)).unwrap();
        let ingested = Event::Ingested { rows: 2_000, new: 1, changed: 199, planned: 200 };
        progress.hear(&ingested, second(61)).unwrap();
        progress.hear(&lane(LaneState::Running), second(61)).unwrap();
        for tenth in 0..=100 {
            progress
                .hear(
                    &call(1 + tenth % 25 / 24, tenth % 2 == 0),
                    second(62) + Duration::from_millis(100) * tenth,
                )
                .unwrap();
        }
        // Told once, although it comes and goes every second.
        for at in 73..78 {
            progress.hear(&lane(LaneState::Throttled { until: Timestamp(0) }), second(at)).unwrap();
            progress.hear(&lane(LaneState::Running), second(at)).unwrap();
        }
        progress.hear(&lane(LaneState::BreakerOpen { until: Timestamp(0) }), second(79)).unwrap();
        progress.tick(second(121)).unwrap();
        progress.hear(&Event::Warning { message: "no column\u{1b}[2J".to_owned() }, second(122)).unwrap();
        progress.hear(&lane(LaneState::Drained), second(123)).unwrap();
        insta::assert_snapshot!(screen.text());
    }

    #[test]
    fn with_progress_off_warnings_are_still_heard() {
        let screen = Screen::default();
        let mut progress = Progress::warnings(Box::new(screen.clone()));
        progress.hear(&lane(LaneState::Running), Duration::ZERO).unwrap();
        progress.hear(&Event::Warning { message: "look".to_owned() }, Duration::ZERO).unwrap();
        assert_eq!(screen.text(), "warning: look\n");
    }
}
