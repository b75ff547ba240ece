//! The names of runs.

use std::fmt;

use super::clock::Timestamp;

/// The name of a run: when it began, UTC, and four hexadecimal digits that sort within the second: `20261122T211626Z-3f2a`.
/// Names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// Names a run that begins at `start`. The digits behind the second come from the millisecond, so that names sort
    /// by time, and from `random`, which tells apart two runs of one millisecond.
    #[must_use]
    pub fn new(start: Timestamp, random: u16) -> Self {
        const PER_MILLISECOND: i64 = 65;
        let time = jiff::Timestamp::from_millisecond(start.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let within = start.0.rem_euclid(1_000) * PER_MILLISECOND + i64::from(random) % PER_MILLISECOND;
        Self(format!("{}-{within:04x}", time.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// Takes a name that a person typed or a folder has; `None` when it is not one, so that no path can be
    /// smuggled in.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        const SHAPE: &[u8] = b"00000000T000000Z-xxxx";
        let fits = |(byte, shape): (u8, u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            fixed => byte == fixed,
        };
        let fits_all = name.len() == SHAPE.len() && name.bytes().zip(SHAPE.iter().copied()).all(fits);
        fits_all.then(|| Self(name.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_second_and_four_digits() {
        let id = RunId::new(Timestamp(1_795_382_186_123), 0);
        assert_eq!(id.as_str(), "20261122T211626Z-1f3b");
        assert_eq!(RunId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn runs_of_one_second_sort_by_time() {
        let name = |millis: i64, random: u16| {
            RunId::new(Timestamp(1_795_382_186_000 + millis), random).as_str().to_owned()
        };
        assert!(name(0, u16::MAX) < name(1, 0) && name(998, u16::MAX) < name(999, 0));
        assert!(name(999, u16::MAX) < name(1_000, 0));
    }

    #[test]
    fn a_path_is_no_run() {
        for name in
            ["", "..", "../../etc", "20261122T211626Z-3F2A", "20261122T211626Z-3f2a/", "2026é122T211626Z-3f2"]
        {
            assert_eq!(RunId::parse(name), None, "{name}");
        }
    }
}
