//! The one who listens to a run: writes each event to the run's log and the program's, and lets progress show it.
//!
//! It runs on a thread of its own until the last sender is gone, so that a slow terminal slows nobody down.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::events::EventLog;
use super::log;
use super::progress::Progress;
use crate::domain::clock::Clock;
use crate::domain::event::Event;

/// How long the log may lag behind.
const LAG_MAX: Duration = Duration::from_secs(1);

/// Listens to the events of a run. A terminal or pipe that takes no more progress is no fault of the run.
#[derive(Debug)]
pub struct Listener<W: Write> {
    /// Where events are recorded; none for commands that leave no run folder.
    pub log: Option<EventLog<W>>,
    /// How events are shown.
    pub progress: Progress,
    /// Gives events their time.
    pub clock: Clock,
}

impl<W: Write + Send + 'static> Listener<W> {
    /// Starts the thread. It ends when all senders are dropped, and then gives the first error of the log: the
    /// run itself goes on without its log.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn spawn(self, events: Receiver<Vec<Event>>) -> io::Result<JoinHandle<io::Result<()>>> {
        std::thread::Builder::new().name("listener".to_owned()).spawn(move || self.listen(&events))
    }
}

impl<W: Write> Listener<W> {
    /// Listens on this thread until all senders are dropped.
    ///
    /// # Errors
    /// The first error of the log; events after it are still shown.
    pub fn listen(mut self, events: &Receiver<Vec<Event>>) -> io::Result<()> {
        let (mut outcome, mut flushed) = (Ok(()), None);
        loop {
            let heard = events.recv_timeout(LAG_MAX);
            let step = match &heard {
                Ok(events) => events.iter().map(|event| self.hear(event)).fold(Ok(()), io::Result::and),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            outcome = outcome.and(step);
            let now = self.clock.elapsed();
            // The beginning of a run at once.
            if flushed.is_none_or(|flushed| now.saturating_sub(flushed) >= LAG_MAX) {
                outcome = outcome.and(self.flush());
                flushed = Some(now);
            }
        }
        self.progress.finish();
        outcome.and(self.flush())
    }

    fn hear(&mut self, event: &Event) -> io::Result<()> {
        let now = self.clock.elapsed();
        log::write(event);
        drop(self.progress.hear(event, now).and_then(|()| self.progress.tick(now)));
        self.log.as_mut().map_or(Ok(()), |log| log.write(self.clock.now(), event))
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.progress.tick(self.clock.elapsed()));
        self.log.as_mut().map_or(Ok(()), EventLog::flush)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::event::Events;

    #[test]
    fn everything_told_before_the_end_is_in_the_log() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("events.jsonl");
        let (sender, receiver) = mpsc::channel();
        let listener = Listener {
            log: Some(EventLog::new(std::fs::File::create(&path).unwrap())),
            progress: Progress::warnings(Box::new(io::sink())),
            clock: Clock::set_to(Timestamp(0)),
        };
        let thread = listener.spawn(receiver).unwrap();
        let events = Events::to(sender);
        for rows in 0..100 {
            events.emit(Event::Reading { rows, bytes: 0, bytes_total: 0 });
        }
        drop(events);
        thread.join().unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 100);
    }

    #[test]
    fn whoever_follows_the_log_sees_the_beginning_at_once() {
        /// What was written by the time of each flush.
        struct Followed(Vec<u8>, mpsc::Sender<usize>);
        impl Write for Followed {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                self.1.send(self.0.iter().filter(|byte| **byte == b'\n').count()).map_err(io::Error::other)
            }
        }
        let (sender, receiver) = mpsc::channel();
        let (flushed, lines) = mpsc::channel();
        let listener = Listener {
            log: Some(EventLog::new(Followed(Vec::new(), flushed))),
            progress: Progress::warnings(Box::new(io::sink())),
            clock: Clock::set_to(Timestamp(0)),
        };
        let events = Events::to(sender);
        for rows in 0..3 {
            events.emit(Event::Reading { rows, bytes: 0, bytes_total: 0 });
        }
        drop(events);
        listener.listen(&receiver).unwrap();
        assert_eq!(lines.iter().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_full_disk_does_not_stop_the_listening() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (sender, receiver) = mpsc::channel();
        let listener = Listener {
            log: Some(EventLog::new(Full)),
            progress: Progress::warnings(Box::new(io::sink())),
            clock: Clock::set_to(Timestamp(0)),
        };
        let events = Events::to(sender);
        for rows in 0..1_000 {
            events.emit(Event::Reading { rows, bytes: 0, bytes_total: 0 });
        }
        drop(events);
        assert_eq!(listener.listen(&receiver).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(receiver.recv().is_err(), "all were heard");
    }
}
