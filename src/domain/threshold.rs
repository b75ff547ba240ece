//! A limit as people write it: `500`, or `"30%"` of a whole.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A limit: so many, or a share of a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// At most so many.
    Count(u64),
    /// At most this share, in percent from 0 to 100.
    Percent(f64),
}

/// A text that is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {THRESHOLD_FORM}")]
pub struct NotAThreshold;

/// What is expected of one, in words.
pub const THRESHOLD_FORM: &str = "a count such as 500 or a share from \"0%\" to \"100%\"";

impl Threshold {
    /// The largest number that is still allowed, of that whole.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the share is between 0 and 100 percent, and a whole beyond 2^53 customers does not exist"
    )]
    pub fn of(self, whole: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            // In this order a whole number of percents is exact, whatever the whole.
            Self::Percent(percent) => (percent * whole as f64 / 100.0).floor() as u64,
        }
    }
}

impl FromStr for Threshold {
    type Err = NotAThreshold;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(Self::Count).map_err(|_| NotAThreshold);
        };
        match percent.trim_end().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
            Ok(_) | Err(_) => Err(NotAThreshold),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Threshold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(THRESHOLD_FORM)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Threshold, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Threshold, E> {
                Ok(Threshold::Count(count))
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Threshold, E> {
                u64::try_from(count).map(Threshold::Count).map_err(|_| E::custom(NotAThreshold))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

impl JsonSchema for Threshold {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string", "format": "threshold", "title": THRESHOLD_FORM },
            { "type": "integer", "minimum": 0, "title": THRESHOLD_FORM },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_counts_or_shares() {
        let cases = [
            ("0", Some(Threshold::Count(0))),
            ("500", Some(Threshold::Count(500))),
            ("5%", Some(Threshold::Percent(5.0))),
            ("2.5 %", Some(Threshold::Percent(2.5))),
            ("100%", Some(Threshold::Percent(100.0))),
            ("101%", None),
            ("-1%", None),
            ("NaN%", None),
            ("inf%", None),
            ("-5", None),
            ("5 percent", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Threshold>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_share_allows_no_more_than_its_part() {
        assert_eq!(Threshold::Percent(20.0).of(99), 19);
        assert_eq!(Threshold::Percent(100.0).of(99), 99);
        assert_eq!(Threshold::Count(500).of(99), 500);
        assert_eq!(Threshold::Percent(0.5).of(1_000), 5);
        for percent in 0..=100_u32 {
            for whole in [7, 100, 700, 10_000, 999_999] {
                let exact = u64::from(percent) * whole / 100;
                assert_eq!(Threshold::Percent(percent.into()).of(whole), exact, "{percent}% of {whole}");
            }
        }
    }
}
