//! The numbers of a run while it goes on, as far as its events told them, and the words for them.
//!
//! Knows neither clock nor screen: times are passed in as the time since the start, and
//! [`progress`](super::progress) draws.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

use super::text::grouped;
use crate::domain::clock::Timestamp;
use crate::domain::event::{Event, LaneState};
use crate::domain::provider::ProviderId;

/// No speed is told before there is so much time to judge by.
const JUDGED_BY_MIN: Duration = Duration::from_secs(1);
const BYTES_PER_MEGABYTE: f64 = 1_000_000.0;

/// Where a run is.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) reading: Option<Reading>,
    pub(super) lanes: BTreeMap<ProviderId, Lane>,
}

/// How far reading is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// None when nobody knows: standard input.
    pub(super) bytes_total: u64,
    pub(super) done: bool,
    /// When it was first heard of, and with how many bytes.
    since: (Duration, u64),
    last: Duration,
}

/// How far a lane is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) state: LaneState,
    pub(super) total: u64,
    pub(super) settled: u64,
    requests: u64,
    retries: u64,
    first_request: Option<Duration>,
    last_request: Duration,
}

impl Board {
    /// Takes an event in; `now` is the time since the start.
    pub(super) fn hear(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Reading { rows, bytes, bytes_total } => {
                let since = self.reading.map_or((now, *bytes), |reading| reading.since);
                let (rows, bytes, bytes_total) = (*rows, *bytes, *bytes_total);
                self.reading = Some(Reading { rows, bytes, bytes_total, done: false, since, last: now });
            }
            Event::Ingested { rows, .. } => {
                let bytes = self.reading.map_or(0, |reading| reading.bytes_total);
                let (rows, since) = (*rows, (now, bytes));
                self.reading =
                    Some(Reading { rows, bytes, bytes_total: bytes, done: true, since, last: now });
            }
            Event::Lane { provider, state, total } => {
                let lane = self.lane(*provider);
                lane.state = *state;
                lane.total = *total;
            }
            Event::Call { provider, settled, attempt, .. } => {
                let lane = self.lane(*provider);
                lane.requests += 1;
                lane.retries += u64::from(*attempt > 1);
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
    pub(super) fn line(&self, limits: &BTreeMap<ProviderId, f64>) -> Option<String> {
        let reading = self.reading.filter(|reading| !reading.done).map(|reading| reading.line());
        let lanes = self.lanes.keys().filter_map(|provider| self.lane_line(*provider, limits));
        let parts: Vec<String> = reading.into_iter().chain(lanes).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// One lane in words; `None` as long as nothing is known of it.
    pub(super) fn lane_line(
        &self,
        provider: ProviderId,
        limits: &BTreeMap<ProviderId, f64>,
    ) -> Option<String> {
        let lane = self.lanes.get(&provider)?;
        let (settled, total) = (grouped(lane.settled), grouped(lane.total));
        let parts = lane.parts(limits.get(&provider).copied(), |time| time.to_string());
        Some(format!("{provider} {settled}/{total}, {}", parts.join(", ")))
    }

    fn lane(&mut self, provider: ProviderId) -> &mut Lane {
        self.lanes.entry(provider).or_insert(Lane {
            state: LaneState::Running,
            total: 0,
            settled: 0,
            requests: 0,
            retries: 0,
            first_request: None,
            last_request: Duration::ZERO,
        })
    }
}

impl Reading {
    /// What there is to tell, most important first.
    pub(super) fn parts(&self) -> Vec<String> {
        let speed = self.bytes_per_second();
        let megabytes = speed.map(|speed| format!("{:.1} MB/s", speed / BYTES_PER_MEGABYTE));
        let to_read = self.bytes_total.saturating_sub(self.bytes);
        let rest = speed.and_then(|speed| time_left(to_read, speed));
        [Some(format!("{} rows", grouped(self.rows))), megabytes, rest].into_iter().flatten().collect()
    }

    fn line(&self) -> String {
        let mut parts = self.parts();
        if let Some(percent) = self.bytes.saturating_mul(100).checked_div(self.bytes_total) {
            parts.insert(1, format!("{}%", percent.min(100)));
        }
        format!("reading: {}", parts.join(", "))
    }

    fn bytes_per_second(&self) -> Option<f64> {
        let (begin, bytes) = self.since;
        per_second(self.bytes.saturating_sub(bytes), self.last.saturating_sub(begin))
    }
}

impl Lane {
    /// What there is to tell, most important first; `at` says a time.
    pub(super) fn parts(&self, limit: Option<f64>, at: fn(Timestamp) -> String) -> Vec<String> {
        let retries = match self.retries {
            0 => None,
            1 => Some("1 retry".to_owned()),
            many => Some(format!("{} retries", grouped(many))),
        };
        let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        // Between the first request and the last one lies one interval less than there are requests.
        let rate = self.per_second(self.requests.saturating_sub(1));
        let rate = rate.map(|rate| format!("{rate:.1}{limit}/s"));
        [Some(state_text(self.state, at)), retries, rate, self.time_left()].into_iter().flatten().collect()
    }

    /// As long as it sends, at the pace so far.
    fn time_left(&self) -> Option<String> {
        let pace = self.per_second(self.settled).filter(|_| self.state == LaneState::Running)?;
        time_left(self.total.saturating_sub(self.settled), pace)
    }

    fn per_second(&self, count: u64) -> Option<f64> {
        per_second(count, self.last_request.saturating_sub(self.first_request?))
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn per_second(count: u64, time: Duration) -> Option<f64> {
    (count > 0 && time >= JUDGED_BY_MIN).then(|| count as f64 / time.as_secs_f64())
}

/// How long the rest takes; `None` when nothing is left, or nobody could wait for it.
#[expect(clippy::cast_precision_loss, reason = "shown in whole seconds")]
fn time_left(rest: u64, per_second: f64) -> Option<String> {
    let time = Duration::try_from_secs_f64((rest as f64 / per_second).ceil()).ok()?;
    let time = SignedDuration::try_from(time).ok().filter(|time| !time.is_zero())?;
    Some(format!("{time:#} left"))
}

/// A time of day in UTC: shorter than the whole time, and the day is today.
pub(super) fn time_of_day(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| time.to_string(), |time| time.strftime("%H:%M:%SZ").to_string())
}

fn state_text(state: LaneState, at: fn(Timestamp) -> String) -> String {
    match state {
        LaneState::Running => "sending".to_owned(),
        LaneState::Settling { until } => {
            format!("waits for what was sent before the restore, until {}", at(until))
        }
        LaneState::Throttled { until } => format!("asked to wait until {}", at(until)),
        LaneState::BreakerOpen { until } => format!("provider is down, next try {}", at(until)),
        LaneState::Denied => "stopped: credentials or contract".to_owned(),
        LaneState::Unavailable => "stopped: provider is down".to_owned(),
        LaneState::TooManyErrors => "stopped: too many errors".to_owned(),
        LaneState::BudgetUsed => "stopped: budget used up".to_owned(),
        LaneState::Interrupted => "stopped: interrupted".to_owned(),
        LaneState::Failed => "stopped: the state could not be written".to_owned(),
        LaneState::Drained => "done".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::call::{CallId, Operation};

    const SECOND: Duration = Duration::from_secs(1);

    pub(in crate::report) fn call(attempt: u32, settled: bool) -> Event {
        Event::Call {
            provider: ProviderId::Wsone,
            call: CallId(1),
            operation: Operation::Update,
            probe: false,
            class: "accepted",
            code: String::new(),
            milliseconds: 40,
            attempt,
            settled,
        }
    }

    fn line(board: &Board) -> String {
        board.line(&[(ProviderId::Wsone, 10.0)].into()).unwrap()
    }

    #[test]
    fn reading_tells_rows_share_speed_and_time_left() {
        let mut board = Board::default();
        let mut read = |bytes, at| {
            board.hear(&Event::Reading { rows: bytes / 100, bytes, bytes_total: 100_000_000 }, at);
            line(&board)
        };
        assert_eq!(read(16_000_000, SECOND / 2), "reading: 160,000 rows, 16%", "one moment is no speed");
        assert_eq!(read(32_000_000, SECOND), "reading: 320,000 rows, 32%", "half a second is too short");
        let told = "reading: 480,000 rows, 48%, 16.0 MB/s, 4s left";
        assert_eq!(read(48_000_000, SECOND * 5 / 2), told, "32 MB in two seconds, 52 MB left");
        assert_eq!(read(100_000_000, SECOND * 9 / 2), "reading: 1,000,000 rows, 100%, 21.0 MB/s");
    }

    #[test]
    fn nobody_knows_how_long_standard_input_is() {
        let mut board = Board::default();
        for (bytes, at) in [(0, 0), (90_000_000, 60)] {
            board.hear(&Event::Reading { rows: 9, bytes, bytes_total: 0 }, SECOND * at);
        }
        assert_eq!(line(&board), "reading: 9 rows, 1.5 MB/s");
    }

    #[test]
    fn the_first_requests_of_a_lane_make_no_rate_yet() {
        let mut board = Board::default();
        board.hear(&Event::Lane { provider: ProviderId::Wsone, state: LaneState::Running, total: 9 }, SECOND);
        board.hear(&call(1, true), SECOND);
        board.hear(&call(1, true), SECOND * 3 / 2);
        assert_eq!(line(&board), "wsone 2/9, sending");
        board.hear(&call(1, true), SECOND * 2);
        assert_eq!(line(&board), "wsone 3/9, sending, 2.0 of 10/s, 2s left");
    }

    #[test]
    fn only_later_tries_are_retries_and_only_a_lane_that_sends_has_time_left() {
        let mut board = Board::default();
        let lane = |state| Event::Lane { provider: ProviderId::Wsone, state, total: 7_200 };
        board.hear(&lane(LaneState::Running), SECOND);
        for (attempt, settled) in [(1, false), (1, true), (2, false)] {
            board.hear(&call(attempt, settled), SECOND);
        }
        assert_eq!(line(&board), "wsone 1/7,200, sending, 1 retry");
        board.hear(&call(3, true), SECOND * 3);
        assert_eq!(line(&board), "wsone 2/7,200, sending, 2 retries, 1.5 of 10/s, 1h 59m 58s left");
        board.hear(&lane(LaneState::Throttled { until: Timestamp(0) }), SECOND * 3);
        let waits = "wsone 2/7,200, asked to wait until 1970-01-01T00:00:00.000Z, 2 retries, 1.5 of 10/s";
        assert_eq!(line(&board), waits);
    }

    #[test]
    fn a_time_of_day_is_short() {
        assert_eq!(time_of_day(Timestamp(1_795_382_186_123)), "21:16:26Z");
        assert_eq!(time_of_day(Timestamp(i64::MAX)), format!("{} ms", i64::MAX), "beyond all calendars");
    }
}
