//! What people see while a run goes on: bars on a terminal, a line a minute elsewhere.
//!
//! A [`Board`] keeps the numbers, fed by events; the two ways of showing draw from it. Nothing here knows the
//! clock: times are passed in as the time since the start.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::shown::Shown;
use super::text::grouped;
use crate::domain::event::{Event, LaneState};
use crate::domain::provider::ProviderId;

/// How often a line is written where there is no terminal: often enough to see that it lives, seldom enough for
/// a log.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// The numbers that are shown, as far as the events told them.
#[derive(Debug, Default)]
pub struct Board {
    reading: Option<Reading>,
    lanes: BTreeMap<ProviderId, Lane>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    rows: u64,
    bytes: u64,
    bytes_total: u64,
    done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    state: LaneState,
    total: u64,
    settled: u64,
    requests: u64,
    first_request: Option<Duration>,
    last_request: Duration,
}

impl Board {
    /// Takes an event in; `now` is the time since the start.
    pub fn hear(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Reading { rows, bytes, bytes_total } => {
                self.reading =
                    Some(Reading { rows: *rows, bytes: *bytes, bytes_total: *bytes_total, done: false });
            }
            Event::Ingested { rows, .. } => {
                let bytes = self.reading.map_or(0, |reading| reading.bytes_total);
                self.reading = Some(Reading { rows: *rows, bytes, bytes_total: bytes, done: true });
            }
            Event::Lane { provider, state, total } => {
                let lane = self.lane(*provider);
                lane.state = *state;
                lane.total = *total;
            }
            Event::Call { provider, settled, .. } => {
                let lane = self.lane(*provider);
                lane.requests += 1;
                lane.settled += u64::from(*settled);
                lane.first_request.get_or_insert(now);
                lane.last_request = now;
            }
            Event::RunStarted { .. }
            | Event::BackedUp { .. }
            | Event::Warning { .. }
            | Event::RunFinished { .. } => {}
        }
    }

    /// One line that says where the run is; `None` as long as there is nothing to say.
    #[must_use]
    pub fn line(&self, limits: &BTreeMap<ProviderId, f64>) -> Option<String> {
        let reading = self.reading.filter(|reading| !reading.done).map(Reading::text);
        let lanes = self.lanes.keys().filter_map(|provider| self.lane_line(*provider, limits));
        let parts: Vec<String> = reading.into_iter().chain(lanes).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// One lane in words; `None` as long as nothing is known of it.
    fn lane_line(&self, provider: ProviderId, limits: &BTreeMap<ProviderId, f64>) -> Option<String> {
        let lane = self.lanes.get(&provider)?;
        let (settled, total) = (grouped(lane.settled), grouped(lane.total));
        Some(format!("{provider} {settled}/{total}, {}", lane.text(limits.get(&provider).copied())))
    }

    fn lane(&mut self, provider: ProviderId) -> &mut Lane {
        self.lanes.entry(provider).or_insert(Lane {
            state: LaneState::Running,
            total: 0,
            settled: 0,
            requests: 0,
            first_request: None,
            last_request: Duration::ZERO,
        })
    }
}

impl Reading {
    fn text(self) -> String {
        if self.bytes_total == 0 {
            return format!("reading: {} rows", grouped(self.rows));
        }
        let percent = self.bytes.saturating_mul(100) / self.bytes_total;
        format!("reading: {} rows, {}%", grouped(self.rows), percent.min(100))
    }
}

impl Lane {
    fn text(self, limit: Option<f64>) -> String {
        let state = state_text(self.state);
        let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        match self.rate() {
            Some(rate) => format!("{rate:.1}{limit}/s, {state}"),
            None => state,
        }
    }

    /// Requests a second between the first and the last one; `None` before there is a whole second to judge by.
    #[expect(clippy::cast_precision_loss, reason = "a shown rate with one decimal")]
    fn rate(self) -> Option<f64> {
        let seconds = self.last_request.saturating_sub(self.first_request?).as_secs_f64();
        (self.requests > 1 && seconds >= 1.0).then(|| (self.requests - 1) as f64 / seconds)
    }
}

fn state_text(state: LaneState) -> String {
    match state {
        LaneState::Running => "sending".to_owned(),
        LaneState::Throttled { until } => format!("asked to wait until {until}"),
        LaneState::BreakerOpen { until } => format!("provider is down, next try at {until}"),
        LaneState::Denied => "stopped: credentials or contract".to_owned(),
        LaneState::Unavailable => "stopped: provider is down".to_owned(),
        LaneState::TooManyErrors => "stopped: too many errors".to_owned(),
        LaneState::BudgetUsed => "stopped: budget used up".to_owned(),
        LaneState::Drained => "done".to_owned(),
    }
}

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
        LaneState::Throttled { .. } | LaneState::BreakerOpen { .. } => Weight::Trouble,
        LaneState::Denied
        | LaneState::Unavailable
        | LaneState::TooManyErrors
        | LaneState::BudgetUsed
        | LaneState::Drained => Weight::End,
    }
}

/// When each kind of trouble of each lane was told last.
type Told = HashMap<(ProviderId, Discriminant<LaneState>), Duration>;

/// Shows a board as it changes.
pub struct Progress {
    board: Board,
    limits: BTreeMap<ProviderId, f64>,
    display: Display,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("board", &self.board).finish_non_exhaustive()
    }
}

enum Display {
    Bars { all: MultiProgress, reading: Option<ProgressBar>, lanes: BTreeMap<ProviderId, ProgressBar> },
    Lines { out: Box<dyn Write + Send>, last: Duration, told: Told },
    Warnings { out: Box<dyn Write + Send> },
}

impl Progress {
    /// Bars on a terminal; `limits` are the configured rates in requests a second.
    #[must_use]
    pub fn bars(all: MultiProgress, limits: BTreeMap<ProviderId, f64>) -> Self {
        let display = Display::Bars { all, reading: None, lanes: BTreeMap::new() };
        Self { board: Board::default(), limits, display }
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

    /// Takes an event in and shows what it changes; `now` is the time since the start.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn hear(&mut self, event: &Event, now: Duration) -> std::io::Result<()> {
        self.board.hear(event, now);
        if let Event::Warning { message } = event {
            return self.warn(message);
        }
        match &mut self.display {
            Display::Bars { all, reading, lanes } => {
                draw_reading(all, reading, self.board.reading);
                draw_lanes(all, lanes, &self.board.lanes, &self.limits);
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

    /// Lets time pass: writes the line of the minute.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn tick(&mut self, now: Duration) -> std::io::Result<()> {
        match &mut self.display {
            Display::Lines { out, last, .. } if now.saturating_sub(*last) >= LINE_EVERY => {
                *last = now;
                write_line(out, &self.board, &self.limits)
            }
            Display::Lines { .. } | Display::Bars { .. } | Display::Warnings { .. } => Ok(()),
        }
    }

    /// Takes the bars away, so that what comes next has the screen.
    pub fn finish(&mut self) {
        if let Display::Bars { reading, lanes, .. } = &mut self.display {
            for bar in reading.iter().chain(lanes.values()) {
                bar.finish_and_clear();
            }
        }
    }

    fn warn(&mut self, message: &str) -> std::io::Result<()> {
        let line = format!("warning: {}", Shown(message));
        match &mut self.display {
            Display::Bars { all, .. } => all.println(line),
            Display::Lines { out, .. } | Display::Warnings { out } => writeln!(out, "{line}"),
        }
    }
}

/// Is this change of a lane worth a line now.
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

fn draw_reading(all: &MultiProgress, bar: &mut Option<ProgressBar>, reading: Option<Reading>) {
    let Some(reading) = reading else { return };
    let bar = bar.get_or_insert_with(|| all.add(new_bar("reading")));
    bar.set_length(reading.bytes_total);
    bar.set_position(reading.bytes);
    bar.set_message(format!("{} rows", reading.rows));
    if reading.done && !bar.is_finished() {
        bar.finish();
    }
}

fn draw_lanes(
    all: &MultiProgress,
    bars: &mut BTreeMap<ProviderId, ProgressBar>,
    lanes: &BTreeMap<ProviderId, Lane>,
    limits: &BTreeMap<ProviderId, f64>,
) {
    for (provider, lane) in lanes {
        let bar = bars.entry(*provider).or_insert_with(|| all.add(new_bar(provider.name())));
        bar.set_length(lane.total);
        bar.set_position(lane.settled);
        let limit = limits.get(provider).copied();
        bar.set_message(format!("{}/{}  {}", lane.settled, lane.total, lane.text(limit)));
    }
}

fn new_bar(name: &'static str) -> ProgressBar {
    // Short, since what does not fit into a narrow terminal is cut off, and the words say more than the bar.
    let style = ProgressStyle::with_template("{prefix:>9} [{bar:12}] {percent:>3}%  {msg}")
        .expect("the template is a constant of the right form")
        .progress_chars("=> ");
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::call::{CallId, Operation};
    use crate::domain::clock::Timestamp;

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

    fn call(settled: bool) -> Event {
        Event::Call {
            provider: ProviderId::Wsone,
            call: CallId(1),
            operation: Operation::Update,
            probe: false,
            class: "accepted",
            code: String::new(),
            milliseconds: 40,
            attempt: 1,
            settled,
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
            progress.hear(&call(tenth % 2 == 0), second(62) + Duration::from_millis(100) * tenth).unwrap();
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

    #[test]
    fn the_first_requests_of_a_lane_make_no_rate_yet() {
        let mut lane = Lane {
            state: LaneState::Running,
            total: 9,
            settled: 2,
            requests: 3,
            first_request: Some(Duration::ZERO),
            last_request: Duration::from_millis(1),
        };
        assert_eq!(lane.text(Some(10.0)), "sending");
        lane.last_request = Duration::from_secs(1);
        assert_eq!(lane.text(Some(10.0)), "2.0 of 10/s, sending");
    }

    #[test]
    fn bars_follow_the_lanes() {
        let all = MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let mut progress = Progress::bars(all, BTreeMap::new());
        progress.hear(&lane(LaneState::Running), Duration::ZERO).unwrap();
        progress.hear(&call(true), Duration::from_secs(1)).unwrap();
        let Display::Bars { lanes, .. } = &progress.display else { unreachable!("made as bars") };
        let bar = &lanes[&ProviderId::Wsone];
        assert_eq!((bar.position(), bar.length()), (1, Some(200)));
        assert_eq!(bar.message(), "1/200  sending");
    }
}
