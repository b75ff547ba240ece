//! How a lane ends: what was not sent is given back, what was is waited for, and both are written down.

use std::time::Duration;

use crate::domain::call::CallId;
use crate::domain::event::{Event, Events, LaneState};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;
use crate::domain::tally::ProviderTally;
use crate::domain::verdict::{Remedy, Verdict};
use crate::providers::Provider;

use super::checkpoint::CheckpointError;
use super::lane::Working;
use super::retry::{LaneEffect, Reaction};
use super::stops::StopReason;
use super::worker::Finished;

/// How a lane ended.
#[derive(Debug)]
pub struct LaneEnd {
    /// Whose.
    pub provider: ProviderId,
    /// What it counted; stocks and sums over the state are added by the caller.
    pub tally: ProviderTally,
    /// Why it ended before its work was done.
    pub stop: Option<StopReason>,
    /// Why the last request that the provider did not take got no answer, by our own code.
    pub unanswered: Option<&'static str>,
    /// The call whose answer stopped it, and the code of that answer.
    pub stopped_by: Option<(CallId, String)>,
    /// Calls whose tries were used up.
    pub used_up: u64,
    /// Why the state could not follow.
    pub failure: Option<CheckpointError>,
}

impl LaneEnd {
    pub(super) fn before_work(provider: &dyn Provider) -> Self {
        let allowed_per_second = provider.settings().rate_per_second;
        let tally = ProviderTally { allowed_per_second, ..ProviderTally::default() };
        Self {
            provider: provider.id(),
            tally,
            stop: None,
            unanswered: None,
            stopped_by: None,
            used_up: 0,
            failure: None,
        }
    }

    /// The end of a lane that had nothing to do from the start.
    pub(super) fn idle(provider: &dyn Provider, events: &Events) -> Self {
        for state in [LaneState::Running, LaneState::Drained] {
            events.emit(Event::Lane { provider: provider.id(), state, total: 0 });
        }
        Self::before_work(provider)
    }
}

impl Working {
    /// Gives back what was not sent, waits for what was, and writes both down.
    pub(super) async fn finish(mut self, stopped: Result<Option<StopReason>, CheckpointError>) -> LaneEnd {
        let mut result = stopped;
        if !self.is_aborted() && result.is_ok() {
            let drained = self.drain().await;
            result = result.and_then(|stop| drained.map(|()| stop));
        }
        // Also of a lane that was cut short the writer commits what has come back, and the state counts it.
        result = result.and_then(|stop| self.hand_over().map(|()| stop));
        while result.is_ok() && self.uncommitted > 0 {
            let group = self.lane.records.recv().await;
            result = result.and_then(|stop| self.recorded(group).map(|()| stop));
        }
        let state = match result {
            // What came in while the lane was draining weighs more than why it was told to drain.
            Ok(stop) => {
                self.end.stop = self.end.stop.filter(|noted| noted.is_grave()).or(stop);
                self.end.stop.map_or(LaneState::Drained, StopReason::lane_state)
            }
            Err(failure) => {
                self.end.failure = Some(failure);
                LaneState::Failed
            }
        };
        self.show(state);
        self.meter.write_to(&mut self.end.tally);
        self.end
    }

    /// Gives back what is leased and was not sent.
    pub(super) fn give_back(&mut self) {
        while let Some(call) = self.ready.pop_front() {
            let verdict = Verdict::NotSent { what: "interrupted" };
            let left = self.lane.clock.elapsed();
            let finished = Finished { call, verdict, sent: false, left, took: Duration::ZERO };
            let decided =
                Reaction { happening: Happening::Interrupted, lane: LaneEffect::None, remedy: Remedy::None };
            self.settle(finished, &decided);
        }
    }

    async fn drain(&mut self) -> Result<(), CheckpointError> {
        self.give_back();
        while self.is_busy() || !self.leasing.is_empty() {
            if self.is_aborted() {
                return Ok(());
            }
            self.wait(None).await?;
            self.give_back();
        }
        Ok(())
    }
}
