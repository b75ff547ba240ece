//! Signals by which somebody ends a run, from its first row to its report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

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

/// What a run hears of signals. Dispatch answers them itself. A run that waits for somebody who writes its standard input is ended
/// where it is; in every other part of a run the first signal asks it to come to its end, and a second one, or a wait for longer
/// than its patience, ends it where it is.
#[derive(Debug)]
pub struct Signals {
    shared: Arc<Shared>,
    heard: mpsc::UnboundedReceiver<Interruption>,
}

#[derive(Debug, Default)]
struct Shared {
    first: OnceLock<Interruption>,
    /// Dispatch answers them.
    sending: AtomicBool,
    /// Nobody can answer them.
    waiting: AtomicBool,
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
                let listener = Listener::new().ok()?;
                ready.send(()).ok();
                end(of_run.watch(listener, patience, &tell).await);
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

    /// Who answers signals: dispatch, or the run as a whole.
    pub(super) fn are_answered(&self, by_dispatch: bool) {
        self.shared.sending.store(by_dispatch, Ordering::SeqCst);
    }

    /// Does the run wait for somebody else, so that it cannot ask what was heard.
    pub fn are_unanswered(&self, waits: bool) {
        self.shared.waiting.store(waits, Ordering::SeqCst);
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
        mut listener: Listener,
        patience: Duration,
        tell: &mpsc::UnboundedSender<Interruption>,
    ) -> Interruption {
        let mut asked: Option<Interruption> = None;
        loop {
            let next = if asked.is_some() {
                tokio::time::timeout(patience, listener.next()).await.ok()
            } else {
                Some(listener.next().await)
            };
            if let Some(interruption) = next {
                self.first.get_or_init(|| interruption);
                // Nobody listens any more once the run has ended.
                tell.send(interruption).ok();
            }
            asked = match asked.or(next) {
                _ if self.sending.load(Ordering::SeqCst) => None,
                Some(first) if asked.is_some() || self.waiting.load(Ordering::SeqCst) => return first,
                heard => heard,
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

/// Did whoever started the program, as `nohup` does, say that it outlives its terminal.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is number 1, the lowest bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}
