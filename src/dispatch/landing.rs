//! What comes back to a lane: answers, which are decided and written down, and checkpoints, which are counted.

use std::time::Duration;

use rand::RngExt;

use crate::domain::call::State;
use crate::domain::event::{Event, LaneState};
use crate::domain::lifecycle::Happening;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::{Remedy, Verdict};
use crate::store::Settlement;

use super::checkpoint::{CallOutcome, CheckpointError, Recorded};
use super::lane::Working;
use super::retry::{self, Context, LaneEffect, Reaction};
use super::stops::StopReason;
use super::worker::{self, Finished};

/// How long a lane pauses when the provider asks to wait without saying how long, or for no time at all.
const PAUSE_DEFAULT: Duration = Duration::from_secs(1);

impl Working {
    /// A call has come back: decides what that means and has it written down.
    pub(super) fn landed(&mut self, finished: Finished) {
        let finished = finished.without_empty_remedy();
        let now = self.lane.clock.elapsed();
        if finished.sent {
            self.meter.count_answer(finished.took);
            self.lane.breaker.on_answer(finished.left, now, &finished.verdict);
        } else {
            // It says nothing about the provider.
            self.take_back(&finished);
            self.lane.breaker.return_trial(now);
        }
        let spares_try = self.lane.breaker.spares_tries(now);
        let context = Context {
            life: finished.call.life,
            spares_try,
            lane_accepted: self.has_accepted,
            denials_in_a_row: self.denials_in_a_row,
            had_unknown: finished.call.had_unknown,
            reduced: finished.call.reduced,
        };
        let decided = retry::happening(&finished.verdict, &context);
        if finished.sent {
            self.note_answer(&finished.verdict);
        }
        if matches!(decided.lane, LaneEffect::Stop(_)) {
            self.end.stopped_by = Some((finished.call.id, finished.verdict.code().to_owned()));
        }
        self.follow(decided.lane);
        self.settle(finished, &decided);
    }

    /// What was counted when a call was to leave counts no more: it did not.
    fn take_back(&mut self, finished: &Finished) {
        self.end.tally.requests -= 1;
        self.end.tally.retries -= u64::from(finished.call.life.attempts > 0);
        self.meter.take_back();
        self.lane.budget.give_back();
        self.lane.day.give_back(self.lane.clock.at(finished.left));
    }

    /// Denials by a body code in a row, which no answer at all does not end; and what there was instead of an answer.
    fn note_answer(&mut self, verdict: &Verdict) {
        self.has_accepted |= matches!(verdict, Verdict::Accepted);
        match verdict {
            Verdict::Denied { .. } => self.denials_in_a_row += 1,
            Verdict::Accepted
            | Verdict::Transient { .. }
            | Verdict::Refused { .. }
            | Verdict::Exists { .. }
            | Verdict::Missing { .. }
            | Verdict::Contract { .. } => self.denials_in_a_row = 0,
            Verdict::Throttled { .. } => self.end.unanswered = Some("throttled"),
            Verdict::NotSent { what } | Verdict::Unknown { what } => self.end.unanswered = Some(what),
        }
    }

    fn follow(&mut self, effect: LaneEffect) {
        match effect {
            LaneEffect::None => {}
            LaneEffect::Pause(asked) => {
                self.end.tally.throttled += 1;
                let pause = asked.filter(|asked| !asked.is_zero()).unwrap_or(PAUSE_DEFAULT);
                self.paused_until = self.paused_until.max(self.lane.clock.elapsed() + pause);
                self.show(LaneState::Throttled { until: self.lane.clock.at(self.paused_until) });
            }
            LaneEffect::Stop(reason) => self.end.stop = Some(reason),
        }
    }

    /// What becomes of a call is the writer's next, see [`hand_over`](Self::hand_over).
    pub(super) fn settle(&mut self, finished: Finished, decided: &Reaction) {
        let settings = self.lane.endpoint.provider.settings();
        let now = self.lane.clock.at(finished.left + finished.took);
        let random: f64 = self.lane.random.random();
        let attempt = finished.call.life.attempts + 1;
        let backoff = retry::backoff(attempt, settings.retry.initial, settings.retry.max, random);
        let settlement = Settlement {
            happening: decided.happening,
            class: finished.verdict.class(),
            code: finished.verdict.code().to_owned(),
            only_fields: match decided.remedy {
                Remedy::OnlyFields(fields) => Some(fields),
                Remedy::None | Remedy::OnceMoreLast => None,
            },
            last: decided.remedy == Remedy::OnceMoreLast,
            settle_until: now.after(settings.settle),
            backoff_until: now.after(backoff),
            attempts_max: settings.retry.attempts,
            on_new: self.lane.filter.on_new,
        };
        let Finished { call, sent, took, .. } = finished;
        self.uncommitted += 1;
        self.outcomes.push(CallOutcome { call, settlement, sent, took });
    }

    /// Gives the writer what became of calls meanwhile.
    pub(super) fn hand_over(&mut self) -> Result<(), CheckpointError> {
        if self.outcomes.is_empty() {
            return Ok(());
        }
        self.lane.checkpoint.settle(self.provider, std::mem::take(&mut self.outcomes))
    }

    /// A group of outcomes is committed: counts and tells them.
    pub(super) fn recorded(
        &mut self,
        group: Option<Result<Vec<Recorded>, CheckpointError>>,
    ) -> Result<(), CheckpointError> {
        let records = group.unwrap_or(Err(CheckpointError::WriterGone))?;
        self.uncommitted -= records.len();
        records.iter().for_each(|record| self.count(record));
        let provider = self.provider;
        let told = records.into_iter().filter(|record| record.happening != Happening::Interrupted);
        self.lane.events.emit_all(|| told.map(|record| record.told(provider)).collect());
        Ok(())
    }

    fn count(&mut self, record: &Recorded) {
        let good = match record.settled.life.state {
            State::Acknowledged => {
                self.end.tally.acknowledged.add(record.before.operation);
                true
            }
            State::Refused => {
                self.end.tally.refused += 1;
                false
            }
            State::Held => false,
            State::Superseded => {
                self.end.tally.superseded += 1;
                return;
            }
            State::Queued
            | State::Waiting
            | State::InFlight
            | State::Probing
            | State::Abandoned
            | State::Forgotten => {
                self.end.used_up += u64::from(record.settled.deferred);
                return;
            }
        };
        if self.lane.errors.settled(good) && self.end.stop.is_none() {
            self.end.stop = Some(StopReason::MaxErrors);
        }
    }
}

impl Recorded {
    fn told(self, provider: ProviderId) -> Event {
        Event::Call {
            provider,
            call: self.call,
            operation: self.before.operation,
            probe: worker::is_probe(&self.before),
            class: self.class,
            code: self.code,
            milliseconds: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            attempt: self.before.attempts + 1,
            settled: !self.settled.life.state.is_open(),
        }
    }
}
