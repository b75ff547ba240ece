//! Measures of a lane: response times and the rate that was reached.

use std::time::Duration;

use crate::domain::tally::{Latency, ProviderTally};

/// Collects response times (4 bytes a request) and the first and last moment of sending.
#[derive(Debug, Default)]
pub(super) struct Meter {
    milliseconds: Vec<u32>,
    first: Option<Duration>,
    last: Duration,
    requests: u64,
}

impl Meter {
    /// A request leaves, so long after the start of the run.
    pub(super) fn count_request(&mut self, elapsed: Duration) {
        self.first.get_or_insert(elapsed);
        self.last = elapsed;
        self.requests += 1;
    }

    /// A request that was counted has not left after all.
    pub(super) fn take_back(&mut self) {
        self.requests -= 1;
    }

    /// An answer came, or was given up, after this time.
    pub(super) fn count_answer(&mut self, took: Duration) {
        self.milliseconds.push(u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
    }

    /// Writes percentiles and the rate into the tally.
    pub(super) fn write_to(mut self, tally: &mut ProviderTally) {
        self.milliseconds.sort_unstable();
        let at = |share: usize| -> u64 {
            let index = (self.milliseconds.len() * share).div_ceil(100).saturating_sub(1);
            self.milliseconds.get(index).copied().map_or(0, u64::from)
        };
        tally.latency_ms = Latency { p50: at(50), p95: at(95), p99: at(99), max: at(100) };
        let span = self.last.saturating_sub(self.first.unwrap_or_default()).as_secs_f64();
        let requests = f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX));
        // A few that leave within a moment are so many in a second, and no rate.
        let rate = if span < 1.0 { requests } else { (requests - 1.0).max(0.0) / span };
        // No second had more than is allowed, but a span may end just behind the first requests of another one.
        let allowed = tally.allowed_per_second;
        let rate = if allowed > 0.0 { rate.min(allowed) } else { rate };
        tally.achieved_per_second = (rate * 100.0).round() / 100.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_nearest_rank() {
        let mut meter = Meter::default();
        (1..=100).for_each(|ms| meter.count_answer(Duration::from_millis(ms)));
        let mut tally = ProviderTally::default();
        meter.write_to(&mut tally);
        assert_eq!(tally.latency_ms, Latency { p50: 50, p95: 95, p99: 99, max: 100 });
    }

    #[test]
    fn the_rate_counts_intervals_not_requests() {
        let mut meter = Meter::default();
        (0..=10).for_each(|tenth| meter.count_request(Duration::from_millis(tenth * 100)));
        let mut tally = ProviderTally::default();
        meter.write_to(&mut tally);
        assert!((tally.achieved_per_second - 10.0).abs() < 0.001);
    }

    #[test]
    fn a_span_that_ends_with_a_second_shows_no_more_than_is_allowed() {
        let mut meter = Meter::default();
        [0, 10, 20, 1005, 1006].into_iter().for_each(|at| meter.count_request(Duration::from_millis(at)));
        let mut tally = ProviderTally { allowed_per_second: 3.0, ..ProviderTally::default() };
        meter.write_to(&mut tally);
        assert!((tally.achieved_per_second - 3.0).abs() < 0.001, "{}", tally.achieved_per_second);
    }

    #[test]
    fn two_requests_within_a_moment_are_two_in_a_second() {
        let mut meter = Meter::default();
        [0, 50].into_iter().for_each(|micros| meter.count_request(Duration::from_micros(micros)));
        let mut tally = ProviderTally::default();
        meter.write_to(&mut tally);
        assert!((tally.achieved_per_second - 2.0).abs() < 0.001);
    }

    #[test]
    fn requests_that_have_not_left_after_all_make_no_rate() {
        let mut meter = Meter::default();
        for second in 0..3 {
            meter.count_request(Duration::from_secs(second));
            meter.take_back();
        }
        let mut tally = ProviderTally::default();
        meter.write_to(&mut tally);
        assert!(tally.achieved_per_second.abs() < f64::EPSILON, "{}", tally.achieved_per_second);
    }

    #[test]
    fn an_idle_lane_has_no_figures() {
        let mut tally = ProviderTally::default();
        Meter::default().write_to(&mut tally);
        assert_eq!((tally.latency_ms, tally.achieved_per_second), (Latency::default(), 0.0));
    }
}
