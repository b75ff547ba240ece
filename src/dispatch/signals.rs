//! Signals by which somebody ends a run, from its first row to its report.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

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

/// How a run stands to signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It asks now and then what was heard, and comes to its end by itself.
    Asks,
    /// It waits for somebody else, and cannot ask.
    Waits,
    /// Dispatch answers them.
    Sends,
}

/// What a run hears of signals. Dispatch answers them itself. A run that waits for somebody who writes its standard input is ended
/// where it is; in every other part of a run the first signal asks it to come to its end, and a second one, or a wait for longer
/// than its patience, ends it where it is.
#[derive(Debug)]
pub struct Signals {
    shared: Arc<Shared>,
    heard: mpsc::UnboundedReceiver<Interruption>,
}

#[derive(Debug)]
struct Shared {
    first: OnceLock<Interruption>,
    phase: watch::Sender<Phase>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { first: OnceLock::new(), phase: watch::Sender::new(Phase::Asks) }
    }
}

impl Signals {
    /// Listens from now on, on a thread of its own; without one, a signal ends the program at once. `end` is called where the run
    /// does not come to its end by itself.
    #[must_use]
    pub fn listen(patience: Duration, end: impl FnOnce(Interruption) + Send + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        let (tell, heard) = mpsc::unbounded_channel();
        let (ready, listens) = std::sync::mpsc::channel();
        let of_run = Arc::clone(&shared);
        let listen = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut listener = Listener::new().ok()?;
                ready.send(()).ok();
                end(of_run.watch(async || listener.next().await, patience, &tell).await);
                Some(())
            })
        };
        if std::thread::Builder::new().name("signals".to_owned()).spawn(listen).is_ok() {
            // An error says that it does not listen.
            listens.recv().ok();
        }
        Self { shared, heard }
    }

    /// None ever comes.
    #[cfg(test)]
    pub(super) fn silence() -> Self {
        Self { shared: Arc::default(), heard: mpsc::unbounded_channel().1 }
    }

    /// The first signal that was heard.
    #[must_use]
    pub fn first(&self) -> Option<Interruption> {
        self.shared.first.get().copied()
    }

    /// From now on the run stands so to signals, those that were heard before included.
    pub fn enter(&self, phase: Phase) {
        self.shared.phase.send_replace(phase);
    }

    /// Waits for the next signal, which may have come before.
    pub(super) async fn next(&mut self) -> Interruption {
        match self.heard.recv().await {
            Some(interruption) => interruption,
            None => std::future::pending().await,
        }
    }
}

impl Shared {
    /// Hears signals until the run has to be ended where it is, because of the one that is given.
    async fn watch(
        &self,
        mut next: impl AsyncFnMut() -> Interruption,
        patience: Duration,
        tell: &mpsc::UnboundedSender<Interruption>,
    ) -> Interruption {
        let mut phase = self.phase.subscribe();
        // What the run was asked by to come to its end, and until when that is waited for.
        let mut asked: Option<(Interruption, Instant)> = None;
        loop {
            let impatience = async {
                match asked {
                    Some((first, until)) => {
                        tokio::time::sleep_until(until).await;
                        first
                    }
                    None => std::future::pending().await,
                }
            };
            let heard = tokio::select! {
                heard = next() => Some(heard),
                // Whose phases they are lives as long as this does.
                _ = phase.changed() => None,
                first = impatience => return first,
            };
            if let Some(interruption) = heard {
                self.first.get_or_init(|| interruption);
                // Nobody listens any more once the run has ended.
                tell.send(interruption).ok();
            }
            let now = *phase.borrow_and_update();
            asked = match (now, asked, heard) {
                (Phase::Sends, _, _) => None,
                (Phase::Asks, Some((first, _)), Some(_)) | (Phase::Waits, Some((first, _)), _) => {
                    return first;
                }
                (Phase::Waits, None, Some(first)) => return first,
                (Phase::Asks, None, Some(first)) => Some((first, Instant::now() + patience)),
                (Phase::Asks | Phase::Waits, asked, None) => asked,
            };
        }
    }
}

/// What the system tells.
struct Listener {
    /// None where the program was started to outlive its terminal.
    hangup: Option<Signal>,
    interrupt: Signal,
    terminate: Signal,
}

/// SIGXFSZ, which no name stands for here: a file has come to the limit that `ulimit -f` sets.
const FILE_TOO_LONG: i32 = 25;

/// Makes writing past the limit of a file's length fail like any other write, instead of ending the program without a word: a
/// signal that somebody listens to does not. Where nobody can listen, it does.
pub fn survive_limits_of_files() {
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() {
        let _context = runtime.enter();
        drop(signal(SignalKind::from_raw(FILE_TOO_LONG)));
    }
}

impl Listener {
    fn new() -> std::io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { hangup, interrupt, terminate })
    }

    async fn next(&mut self) -> Interruption {
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

/// Whether whoever started the program, as `nohup` does, said that it outlives its terminal.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is number 1, the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signal, and the phase that the run enters after it: is the run ended where it is.
    fn ends(before: Phase, after: Phase) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (shared, (tell, mut heard)) = (Shared::default(), mpsc::unbounded_channel());
            shared.phase.send_replace(before);
            let mut signals = [Interruption::Terminate].into_iter();
            let next = async || match signals.next() {
                Some(signal) => signal,
                None => std::future::pending().await,
            };
            let enters = async {
                heard.recv().await;
                shared.phase.send_replace(after);
                // The other one has been asked again by then.
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                _ = shared.watch(next, Duration::from_hours(1), &tell) => true,
                () = enters => false,
            }
        })
    }

    #[test]
    fn a_signal_from_before_a_run_waits_ends_it_and_one_that_is_answered_does_not() {
        let cases = [
            (Phase::Asks, Phase::Asks, false),
            (Phase::Asks, Phase::Waits, true),
            (Phase::Waits, Phase::Asks, true),
            (Phase::Asks, Phase::Sends, false),
            (Phase::Sends, Phase::Asks, false),
        ];
        for (before, after, expected) in cases {
            assert_eq!(ends(before, after), expected, "{before:?} {after:?}");
        }
    }
}
