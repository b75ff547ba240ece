//! When a request may leave: no sliding second, across restarts and retries, holds more than the provider allows.
//!
//! Two locks in a row. The hard one is a ring with the moments of the last grants: a request leaves only when the
//! one that is a full window older has left the window. The soft one is governor's token bucket, which spreads the
//! requests over the second instead of letting them all leave at its start. Every request asks, first tries, repeats
//! and probes alike, at the moment when it is about to be sent. One that then waits for a new connection holds its place until
//! that is made, and counts from then. Limit of this file: otherwise it knows moments of permission, so what happens between
//! the permission and the first byte must stay below [`GUARD`].

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::domain::clock::Timestamp;
use crate::providers::Connecting;
use crate::store::LaneUse;

/// Added to each window, for a request that leaves a little after its permission while a later one leaves at once,
/// and for the milliseconds to which times of an earlier process are cut. Costs 0.5 % of the rate.
pub(super) const GUARD: Duration = Duration::from_millis(5);
/// A timer wakes its task late, by a millisecond when idle and by several under load. What such a delay held back
/// may leave together, up to this much of it; without that a rate of 5,000 a second loses 40 %.
const LATENESS_MAX: Duration = Duration::from_millis(10);
/// No provider of ours comes near this rate, in requests a second. It bounds the memory of the ring.
const RATE_MAX: f64 = 100_000.0;
/// The window of a rate that is no positive number, or nearly zero: sending too little is the safe mistake.
const WINDOW_MAX: Duration = Duration::from_secs(365 * 86_400);
/// The bucket counts in parts of a request, so that [`LATENESS_MAX`] can be less than one request.
const CELLS_PER_REQUEST: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// Gives one lane's requests the permission to leave.
///
/// A rate of at least one a second allows its whole number in every sliding second (10.5 allows ten, because eleven
/// would be more than 10.5); a slower one allows one request in every sliding `1 / rate` seconds.
#[derive(Debug)]
pub(super) struct Limiter {
    window: Duration,
    granted_max: usize,
    /// When requests left, or will in a moment.
    granted: VecDeque<Duration>,
    /// Requests that wait for a connection: when they leave nobody knows.
    connecting: usize,
    closed_until: Duration,
    time: HandedTime,
    bucket: RateLimiter<NotKeyed, InMemoryState, HandedTime, NoOpMiddleware<Duration>>,
}

impl Limiter {
    /// A limiter for `rate` requests a second, of which `burst` may leave back to back.
    ///
    /// `now` is the reading of the monotonic clock whose readings [`poll`](Self::poll) gets. `last_sent` tells how
    /// long ago a request of an earlier process may have left at the latest; a whole window's worth may have left at
    /// that moment, so nothing is granted until a full window after it. Who knows only when a call was leased, and
    /// not when it left, passes zero.
    pub(super) fn new(rate: f64, burst: u32, now: Duration, last_sent: Option<Duration>) -> Self {
        let requests = requests_per_window(rate);
        let pace = window_of(rate, requests);
        let window = pace + GUARD;
        let time = HandedTime::at(now);
        let bucket = RateLimiter::direct_with_clock(quota(pace, requests, burst), time.clone());
        let closed_until = last_sent.map_or(now, |ago| now + window.saturating_sub(ago));
        let granted_max = usize::try_from(requests).expect("a capped rate fits into memory");
        let granted = VecDeque::new();
        Self { window, granted_max, granted, connecting: 0, closed_until, time, bucket }
    }

    /// Grants one request now and remembers it, or tells how long to wait before asking again.
    ///
    /// # Errors
    /// The time to wait, never zero.
    pub(super) fn poll(&mut self, now: Duration) -> Result<(), Duration> {
        // Where all wait for connections, the next word of one is what is waited for.
        let due = self.due().unwrap_or(now + self.window);
        if now < due {
            return Err(due - now);
        }
        // The ring has agreed, so what the bucket gives away here is used.
        self.time.set(now);
        match self.bucket.check_n(CELLS_PER_REQUEST).expect("the bucket holds at least one request") {
            Ok(()) => {
                self.remember(now);
                Ok(())
            }
            Err(refusal) => Err(refusal.wait_time_from(now).max(Duration::from_nanos(1))),
        }
    }

    /// How long nothing leaves because of what an earlier process sent; nothing, once that is over.
    pub(super) fn opens_in(&self, now: Duration) -> Option<Duration> {
        self.closed_until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// A connection is being made for a request, or is made `now`. Which request it is does not matter: those that were granted
    /// since are taken for it, which is the safe mistake.
    pub(super) fn note(&mut self, connecting: Connecting, now: Duration) {
        match connecting {
            Connecting::Begun => {
                self.granted.pop_back();
                self.connecting += 1;
            }
            Connecting::Ended => {
                self.connecting = self.connecting.saturating_sub(1);
                self.remember(now);
            }
        }
    }

    /// The first moment at which the hard limit allows another request; none while every request that it allows waits for a
    /// connection.
    fn due(&self) -> Option<Duration> {
        let room = self.granted_max.checked_sub(self.connecting).filter(|room| *room > 0)?;
        let oldest = self.granted.len().checked_sub(room).map(|index| self.granted[index] + self.window);
        Some(oldest.unwrap_or(self.closed_until))
    }

    fn remember(&mut self, now: Duration) {
        if self.granted.len() == self.granted_max {
            self.granted.pop_front();
        }
        self.granted.push_back(now);
    }
}

/// How many requests one window holds: the whole part of the rate, at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=RATE_MAX before")]
fn requests_per_window(rate: f64) -> u32 {
    // What is no number becomes zero by the conversion, and so one request.
    (rate.clamp(1.0, RATE_MAX) as u32).max(1)
}

/// A second, or what one request takes at a rate below one.
fn window_of(rate: f64, requests: u32) -> Duration {
    // `max` turns a rate that is no number, or below zero, into zero and so into the longest window.
    let slow = Duration::try_from_secs_f64(f64::from(requests) / rate.max(0.0)).unwrap_or(WINDOW_MAX);
    slow.min(WINDOW_MAX).max(Duration::from_secs(1))
}

fn quota(pace: Duration, requests: u32, burst: u32) -> Quota {
    let cell = (pace / requests / CELLS_PER_REQUEST.get()).max(Duration::from_nanos(1));
    let late = u32::try_from(LATENESS_MAX.as_nanos().div_ceil(cell.as_nanos())).unwrap_or(u32::MAX);
    let together =
        CELLS_PER_REQUEST.saturating_mul(NonZeroU32::new(burst.min(requests)).unwrap_or(NonZeroU32::MIN));
    Quota::with_period(cell)
        .expect("a cell lasts at least a nanosecond")
        .allow_burst(together.saturating_add(late))
}

/// The time that [`Limiter::poll`] was handed last, for a bucket that asks instead of being told.
#[derive(Debug, Clone)]
struct HandedTime(Arc<AtomicU64>);

impl HandedTime {
    fn at(now: Duration) -> Self {
        let time = Self(Arc::new(AtomicU64::new(0)));
        time.set(now);
        time
    }

    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl GovernorClock for HandedTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What is left of `calls_per_day`. Days are UTC; the count is carried from run to run by whoever makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayBudget {
    per_day: Option<u64>,
    used: u64,
    day: i64,
}

impl DayBudget {
    /// A budget of which `used` requests are gone on `day` (see [`Timestamp::day`]). No limit without `per_day`.
    pub(super) fn new(per_day: Option<u64>, used: u64, day: i64) -> Self {
        Self { per_day, used, day }
    }

    /// The budget that earlier runs left. What they used on a day to come still counts, see [`LaneUse::on`].
    pub(super) fn resumed(per_day: Option<u64>, used: &LaneUse, now: Timestamp) -> Self {
        let used = used.on(now.day());
        Self::new(per_day, used.sent, used.day)
    }

    /// Takes one request out of the budget of the day; `false` when there is none left.
    ///
    /// A new day starts a new count. A clock that is set back does not: that day's requests are not given twice.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        if now.day() > self.day {
            *self = Self { used: 0, day: now.day(), ..*self };
        }
        if self.per_day.is_some_and(|limit| self.used >= limit) {
            return false;
        }
        self.used += 1;
        true
    }

    /// Whether there is none left of the day that it counts.
    pub(super) fn is_spent(&self, now: Timestamp) -> bool {
        now.day() <= self.day && self.per_day.is_some_and(|limit| self.used >= limit)
    }

    /// Gives back a request that was taken then and did not leave; on a later day nothing of it is left.
    pub(super) fn give_back(&mut self, taken: Timestamp) {
        if taken.day() == self.day {
            self.used = self.used.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
