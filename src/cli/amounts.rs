//! Amounts as people write them: "90s", "6h".

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// A text that is no amount of the kind that was expected.
#[derive(Debug, thiserror::Error)]
#[error("expected {0}")]
pub struct NotAnAmount(&'static str);

/// How a stretch of time is written.
pub(super) const TIME_FORM: &str = "a duration such as \"500ms\", \"90s\", \"10m\" or \"6h\"";

/// The same, where none at all cannot work.
pub(super) const TIME_ABOVE_ZERO_FORM: &str = "a duration above zero such as \"500ms\", \"90s\" or \"10m\"";

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SpanParser::new().parse_unsigned_duration(text.trim()).map(Self).map_err(|_| NotAnAmount(TIME_FORM))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&SpanPrinter::new().unsigned_duration_to_string(&self.0))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Not `duration`, which is ISO 8601 there.
        json_schema!({ "type": "string", "format": "duration-in-words" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_say_them() {
        let cases = [
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("1h 30m", Some(5_400_000)),
            ("6", None),
            ("-1s", None),
        ];
        for (text, millis) in cases {
            assert_eq!(
                text.parse::<Time>().ok(),
                millis.map(|millis| Time(Duration::from_millis(millis))),
                "{text}"
            );
        }
    }
}
