//! What `events.jsonl` says about a run over time, in a form that can be drawn.
//!
//! Lines that are not understood are passed over: the log of a run that was killed may end in the middle of one,
//! and a later program may write types that this one does not know.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::Deserialize;

use crate::domain::clock::{Timestamp, rfc3339};
use crate::domain::provider::ProviderId;

/// How many points are drawn at most: more cannot be told apart on a page.
const POINTS_MAX: u64 = 120;
/// Seconds of a run that are looked at: a week, so that a clock that jumps cannot ask for endless memory.
const SECONDS_MAX: u64 = 7 * 86_400;

/// The requests of one lane over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    lanes: BTreeMap<ProviderId, BTreeMap<u64, u64>>,
    start: Option<Timestamp>,
}

/// A line of the log, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    #[serde(with = "rfc3339")]
    time: Timestamp,
    #[serde(rename = "type")]
    kind: String,
    provider: Option<ProviderId>,
}

impl Timeline {
    /// Reads a log from its first line.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(log: impl BufRead) -> io::Result<Self> {
        let mut timeline = Self::default();
        for line in log.split(b'\n') {
            if let Ok(line) = serde_json::from_slice::<Line>(&line?) {
                timeline.hear(&line);
            }
        }
        Ok(timeline)
    }

    fn hear(&mut self, line: &Line) {
        let start = *self.start.get_or_insert(line.time);
        let Some(provider) = line.provider.filter(|_| line.kind == "call") else { return };
        let second = start.until(line.time).as_secs().min(SECONDS_MAX);
        *self.lanes.entry(provider).or_default().entry(second).or_default() += 1;
    }

    /// Answered requests a second of a lane, with the seconds since the start of the run; each point stands for
    /// [`width`](Self::width) seconds. Empty for a lane that sent nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "drawn on a few hundred pixels")]
    pub fn rates(&self, provider: ProviderId) -> Vec<(u64, f64)> {
        let Some(lane) = self.lanes.get(&provider) else { return Vec::new() };
        let width = self.width();
        let mut counts = vec![0_u64; usize::try_from(self.seconds().div_ceil(width)).unwrap_or(0)];
        for (second, count) in lane {
            let point = usize::try_from(second / width).unwrap_or(usize::MAX);
            if let Some(sum) = counts.get_mut(point) {
                *sum += count;
            }
        }
        let at = (0_u64..).map(|point| point * width);
        at.zip(counts).map(|(at, count)| (at, count as f64 / width as f64)).collect()
    }

    /// How many seconds each point stands for.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.seconds().div_ceil(POINTS_MAX).max(1)
    }

    /// Seconds from the start of the run to the end of the second of its last answer; 0 when there was none.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        let last = self.lanes.values().filter_map(|lane| lane.keys().next_back()).max();
        last.map_or(0, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(second: u32) -> String {
        format!(
            "{{\"time\":\"2026-11-22T21:{:02}:{:02}.500Z\",\"type\":\"call\",\"provider\":\"wsone\"}}\n",
            second / 60,
            second % 60
        )
    }

    #[test]
    fn answers_are_counted_by_the_second_and_quiet_seconds_are_zero() {
        let start = "{\"time\":\"2026-11-22T21:00:00.500Z\",\"type\":\"run_started\"}\n";
        let torn = "{\"time\":\"2026-11-22T21:0";
        let log = [start.to_owned(), call(1), call(1), call(3), torn.to_owned()].concat();
        let timeline = Timeline::read(log.as_bytes()).unwrap();
        assert_eq!(timeline.rates(ProviderId::Wsone), [(0, 0.0), (1, 2.0), (2, 0.0), (3, 1.0)]);
        assert!(timeline.rates(ProviderId::Lemonway).is_empty());
    }

    #[test]
    fn a_long_run_is_drawn_with_few_points() {
        let log: String = (0..600).map(call).collect();
        let timeline = Timeline::read(log.as_bytes()).unwrap();
        assert_eq!(timeline.width(), 5);
        let rates = timeline.rates(ProviderId::Wsone);
        assert_eq!(rates.len(), 120);
        assert!(rates.iter().all(|(_, rate)| (rate - 1.0).abs() < f64::EPSILON));
    }
}
