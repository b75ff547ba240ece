//! The crew of a lane: a task for each request that may be on its way at once, which takes calls one after the other.
//!
//! A member is hired when all others are busy, and stays. Who panics is replaced, and the call it had is known.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::domain::verdict::Verdict;
use crate::store::Leased;

use super::run_clock::RunClock;
use super::worker::{self, Endpoint, Finished};

/// The requests of one lane that are on their way.
pub(super) struct Crew {
    endpoint: Arc<Endpoint>,
    clock: RunClock,
    members: Vec<Member>,
    /// Who has nothing to do.
    idle: Vec<usize>,
    tasks: JoinSet<()>,
    places: HashMap<Id, usize>,
    landings: mpsc::UnboundedReceiver<(usize, Finished)>,
    landing: mpsc::UnboundedSender<(usize, Finished)>,
    flying: usize,
}

struct Member {
    calls: mpsc::UnboundedSender<Arc<Leased>>,
    /// What it has been given and not brought back.
    flying: Option<Arc<Leased>>,
}

impl Crew {
    /// A crew without members.
    pub(super) fn new(endpoint: Arc<Endpoint>, clock: RunClock) -> Self {
        let (landing, landings) = mpsc::unbounded_channel();
        let (members, idle, tasks, places) = (Vec::new(), Vec::new(), JoinSet::new(), HashMap::new());
        Self { endpoint, clock, members, idle, tasks, places, landings, landing, flying: 0 }
    }

    /// How many calls are on their way.
    pub(super) fn flying(&self) -> usize {
        self.flying
    }

    /// Sends a call.
    pub(super) fn launch(&mut self, call: Arc<Leased>) {
        let place = self.idle.pop().unwrap_or_else(|| {
            let calls = self.hire(self.members.len());
            self.members.push(Member { calls, flying: None });
            self.members.len() - 1
        });
        let member = &mut self.members[place];
        member.flying = Some(Arc::clone(&call));
        self.flying += 1;
        // A member goes only by a panic, which brings its call back.
        drop(member.calls.send(call));
    }

    fn hire(&mut self, place: usize) -> mpsc::UnboundedSender<Arc<Leased>> {
        let (calls, mut inbox) = mpsc::unbounded_channel();
        let (endpoint, clock, landing) =
            (Arc::clone(&self.endpoint), self.clock.clone(), self.landing.clone());
        let task = self.tasks.spawn(async move {
            let mut patience = endpoint.transport.patience();
            while let Some(call) = inbox.recv().await {
                let finished = worker::deliver(&endpoint, call, &clock, &mut patience).await;
                if landing.send((place, finished)).is_err() {
                    return;
                }
            }
        });
        self.places.insert(task.id(), place);
        calls
    }

    /// The next call that is back. Waits for ever while none is on its way.
    pub(super) async fn land(&mut self) -> Finished {
        loop {
            tokio::select! {
                biased;
                Some((place, finished)) = self.landings.recv() => return self.welcome(place, finished),
                Some(ended) = self.tasks.join_next_with_id() => {
                    if let Err(error) = ended
                        && let Some(finished) = self.replace(&error)
                    {
                        return finished;
                    }
                }
            }
        }
    }

    /// A call that is back already.
    pub(super) fn try_land(&mut self) -> Option<Finished> {
        let (place, finished) = self.landings.try_recv().ok()?;
        Some(self.welcome(place, finished))
    }

    fn welcome(&mut self, place: usize, finished: Finished) -> Finished {
        self.members[place].flying = None;
        self.idle.push(place);
        self.flying -= 1;
        finished
    }

    /// A member has panicked: what became of its call nobody knows.
    fn replace(&mut self, error: &JoinError) -> Option<Finished> {
        let place = self.places.remove(&error.id())?;
        self.members[place].calls = self.hire(place);
        let call = self.members[place].flying.take()?;
        self.idle.push(place);
        self.flying -= 1;
        let verdict = Verdict::Unknown { what: "panic" };
        Some(Finished { call, verdict, sent: true, left: self.clock.elapsed(), took: Duration::ZERO })
    }
}

#[cfg(test)]
#[path = "crew_tests.rs"]
mod tests;
