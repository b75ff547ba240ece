//! Time, as an argument. The only file that reads the clock, besides the timers of tokio.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::fault;

/// What Linux names its start by.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. May jump; never used to measure a duration.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time plus `duration`, at most the largest timestamp.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from this time until `later`; zero when `later` has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// The day of the calendar, UTC.
    #[must_use]
    pub fn date(self) -> jiff::civil::Date {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        time.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// Days since 1970-01-01, UTC.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: jiff::Timestamp = text.parse()?;
        Ok(Self(time.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, for instance `2026-11-22T21:16:26.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Timestamps in files that other programs read: RFC 3339 text.
pub mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Timestamp;

    /// Writes the text.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// When it is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A clock that nobody can set, seen beside the one on the wall: of two sights of it since one start of the machine, the
/// difference says how far the wall clock was set between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steady {
    /// Names the start of the machine.
    pub boot: String,
    /// When that clock began, as the wall clock has it now.
    pub began: Timestamp,
}

impl Steady {
    /// How many milliseconds the wall clock was set forward since `before`; none after another start of the machine, when nobody
    /// knows.
    #[must_use]
    pub fn set_since(&self, before: &Self) -> Option<i64> {
        (self.boot == before.boot).then(|| self.began.0.saturating_sub(before.began.0))
    }
}

impl fmt::Display for Steady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.began.0, self.boot)
    }
}

impl FromStr for Steady {
    type Err = std::num::ParseIntError;

    /// Reads what it is displayed as.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (began, boot) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self { boot: boot.to_owned(), began: Timestamp(began.parse()?) })
    }
}

/// Where time comes from: the machine, or a test.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { start: Instant },
    Set { millis: Arc<AtomicI64> },
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the file that may read the clock")]
    pub fn system() -> Self {
        Self(Source::System { start: Instant::now() })
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    #[must_use]
    pub fn set_to(time: Timestamp) -> Self {
        Self(Source::Set { millis: Arc::new(AtomicI64::new(time.0)) })
    }

    /// The wall-clock time. Can jump in either direction when the machine's time is set.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the file that may read the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { start } => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                let machine = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
                Timestamp(machine.saturating_add(fault::clock_step_ms(start.elapsed())))
            }
            Source::Set { millis } => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }

    /// The clock that cannot be set; none where the machine does not tell its starts apart.
    #[must_use]
    pub fn steady(&self) -> Option<Steady> {
        let Source::System { .. } = &self.0 else { return None };
        let boot = std::fs::read_to_string(BOOT_ID).ok()?.trim().to_owned();
        let shown = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let shown = shown.tv_sec.checked_mul(1_000)?.checked_add(shown.tv_nsec / 1_000_000)?;
        Some(Steady { boot, began: Timestamp(self.now().0.saturating_sub(shown)) })
    }

    /// Time since this clock was made; never goes back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { start } => start.elapsed(),
            Source::Set { millis } => {
                Duration::from_millis(u64::try_from(millis.load(Ordering::SeqCst)).unwrap_or(0))
            }
        }
    }

    /// Moves a clock made by [`set_to`](Self::set_to); the machine's clock stays as it is.
    pub fn advance(&self, duration: Duration) {
        if let Source::Set { millis } = &self.0 {
            let step = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            millis.fetch_add(step, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_utc() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_set_clock_moves_only_when_told() {
        let clock = Clock::set_to(Timestamp(1_000));
        assert_eq!(clock.now(), Timestamp(1_000));
        clock.advance(Duration::from_millis(500));
        assert_eq!(clock.now(), Timestamp(1_500));
    }
}
