//! `events.jsonl`: everything that a run tells, one object a line with `time` and `type`.

use std::io::{self, BufWriter, Write};

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::domain::clock::Timestamp;
use crate::domain::event::Event;

/// An event with the time at which it was heard.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "A line of events.jsonl")]
struct Line<'a> {
    #[schemars(extend("format" = "date-time"))]
    time: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// The JSON Schema of a line of `events.jsonl`.
#[must_use]
pub fn json_schema() -> Schema {
    schema_for!(Line<'_>)
}

/// Writes events as lines of JSON.
#[derive(Debug)]
pub struct EventLog<W: Write> {
    lines: BufWriter<W>,
    /// The last time that was written, and its text: many events share one.
    time: (Timestamp, String),
}

/// How much is written to the file at once.
const BUFFER_BYTES: usize = 64 << 10;

impl<W: Write> EventLog<W> {
    /// A log into that file.
    #[must_use]
    pub fn new(file: W) -> Self {
        let time = Timestamp::default();
        Self { lines: BufWriter::with_capacity(BUFFER_BYTES, file), time: (time, time.to_string()) }
    }

    /// Writes one event. A crash may lose the last ones: the log tells a story, the state holds the truth.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, time: Timestamp, event: &Event) -> io::Result<()> {
        if self.time.0 != time {
            self.time = (time, time.to_string());
        }
        let line = Line { time: &self.time.1, event };
        serde_json::to_writer(&mut self.lines, &line)?;
        self.lines.write_all(b"\n")
    }

    /// Puts everything into the file, so that someone who follows it sees it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{CallId, Operation};
    use crate::domain::event::LaneState;
    use crate::domain::provider::ProviderId;

    #[test]
    fn each_event_is_an_object_with_time_and_type() {
        let events = [
            Event::Reading { rows: 1, bytes: 2, bytes_total: 3 },
            Event::Lane {
                provider: ProviderId::Lemonway,
                state: LaneState::Throttled { until: Timestamp(1_000) },
                total: 4,
            },
            Event::Call {
                provider: ProviderId::Wsone,
                call: CallId(7),
                operation: Operation::Create,
                probe: false,
                class: "refused",
                code: "101".to_owned(),
                milliseconds: 41,
                attempt: 1,
                settled: true,
            },
            Event::RunFinished { outcome: "partial".to_owned(), exit_code: 3 },
        ];
        let mut file = Vec::new();
        let mut log = EventLog::new(&mut file);
        for event in &events {
            log.write(Timestamp(0), event).unwrap();
        }
        log.flush().unwrap();
        drop(log);
        insta::assert_snapshot!(String::from_utf8(file).unwrap());
    }
}
