//! Signals by which somebody ends a run: while its calls are on their way, and once it only has to come to its end.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal by which somebody ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// SIGHUP: the terminal has gone.
    HangUp,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

pub(super) struct Signals {
    /// None where the program was started to outlive its terminal.
    hangup: Option<Signal>,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { hangup, interrupt, terminate })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Interruption {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hangup => Interruption::HangUp,
            _ = self.interrupt.recv() => Interruption::Interrupt,
            _ = self.terminate.recv() => Interruption::Terminate,
        }
    }
}

/// From the end of dispatch on: whoever has heard signals goes on catching them, so that a run that waits for a reader of its
/// output, or for a command, could be ended no more. After one it has `patience` to come to its end, then `end` is called;
/// after a second one at once.
pub fn watch_the_end(patience: Duration, end: impl FnOnce(Interruption) + Send + 'static) {
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            let mut signals = Signals::listen().ok()?;
            let first = signals.next().await;
            drop(tokio::time::timeout(patience, signals.next()).await);
            end(first);
            Some(())
        })
    };
    // Without the thread a run still ends by itself.
    drop(std::thread::Builder::new().name("signals".to_owned()).spawn(watch));
}

/// Did whoever started the program, as `nohup` does, say that it outlives its terminal.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is number 1, the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}
