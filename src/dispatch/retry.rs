//! What a verdict does to its call and to its lane, and how long a call waits before its next try.
//!
//! [`happening`] is where an answer becomes an event of the call's life: it knows the call's past, its lane's past and
//! the remedies; [`crate::domain::lifecycle::next`] knows what the event does. Pure: nothing is read, sent or written.

use std::time::Duration;

use crate::domain::call::{Operation, State};
use crate::domain::lifecycle::{Happening, Life};
use crate::domain::verdict::{Remedy, Verdict};

use super::stops::StopReason;

/// No wait is shorter: a call that fails at once must not spin.
pub(super) const BACKOFF_MIN: Duration = Duration::from_millis(1);
/// From here on a doubled wait is longer than any `max`, whatever `initial` is.
const DOUBLINGS_MAX: u32 = 128;

/// How long a call waits after its try number `attempt` (from 1): full jitter, a random part of
/// `min(max, initial * 2^(attempt - 1))`, so that calls which failed together do not come back together.
///
/// `random` is in `0.0..1.0`; what lies outside counts as the nearest end.
pub(super) fn backoff(attempt: u32, initial: Duration, max: Duration, random: f64) -> Duration {
    let doublings = i32::try_from(attempt.saturating_sub(1).min(DOUBLINGS_MAX)).unwrap_or(i32::MAX);
    let ceiling = (initial.as_secs_f64() * 2.0_f64.powi(doublings)).min(max.as_secs_f64());
    let wait = Duration::try_from_secs_f64(ceiling * random.clamp(0.0, 1.0)).unwrap_or(max);
    wait.min(max).max(BACKOFF_MIN)
}

/// What is known about a call and its lane when an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    /// The call as it was leased: in flight, or probing.
    pub(super) life: Life,
    /// A call that fails now keeps its try; see [`super::breaker::Breaker::spares_tries`].
    pub(super) spares_try: bool,
    /// The provider has accepted a call in this run.
    pub(super) lane_accepted: bool,
    /// Denials by a body code that the lane had directly before this answer. An answer of another kind ends the row;
    /// no answer (not sent, unknown, throttled) does not.
    pub(super) denials_in_a_row: u32,
    /// The outcome of this call was unknown before.
    pub(super) had_unknown: bool,
    /// Only some of the call's fields were sent ([`Remedy::OnlyFields`]).
    pub(super) reduced: bool,
}

impl Context {
    /// Whether a probe was sent. It carries the newest, complete values, and no remedy fits it.
    fn is_probe(&self) -> bool {
        self.life.state == State::Probing
    }
}

/// What has to be done after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reaction {
    /// What happened to the call.
    pub(super) happening: Happening,
    /// What it means for the other calls of the lane.
    pub(super) lane: LaneEffect,
    /// What the next try of the call applies. [`Remedy::None`] leaves what is recorded as it is.
    pub(super) remedy: Remedy,
}

/// What an answer means for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneEffect {
    /// Nothing.
    None,
    /// All calls wait: for as long as the provider asked, or, when it did not say, for a second.
    Pause(Option<Duration>),
    /// No more calls leave in this run.
    Stop(StopReason),
}

/// What `verdict` does to a call in `context`. Every result is a legal event for a call in flight or probing.
pub(super) fn happening(verdict: &Verdict, context: &Context) -> Reaction {
    match verdict {
        Verdict::Accepted => call_only(accepted(context)),
        Verdict::Throttled { retry_after } => Reaction {
            happening: Happening::Throttled,
            lane: LaneEffect::Pause(*retry_after),
            remedy: Remedy::None,
        },
        Verdict::NotSent { .. } | Verdict::Transient { .. } => {
            call_only(Happening::NotApplied { spares_try: context.spares_try })
        }
        // An update too: what it carried may stand there, whatever the CRM says next.
        Verdict::Contract { perhaps_applied: true, .. } => {
            Reaction { happening: unknown(context), ..stopped_by_call(StopReason::Contract) }
        }
        Verdict::Unknown { .. } => call_only(unknown(context)),
        Verdict::Refused { remedy, .. } => refused(*remedy, context),
        Verdict::Exists { .. } => call_only(exists(context)),
        Verdict::Missing { .. } => call_only(Happening::Missing),
        Verdict::Denied { by_body: true, .. } => denied_by_body(context),
        // The call itself may be what is not let through, or not understood.
        Verdict::Denied { by_body: false, .. } => stopped_by_call(StopReason::Denied),
        Verdict::Contract { .. } => stopped_by_call(StopReason::Contract),
    }
}

/// As long as the lane has had no acknowledgement in this run, an unknown outcome tells of the provider and does not count
/// towards holding the call.
fn unknown(context: &Context) -> Happening {
    if context.lane_accepted { Happening::OutcomeUnknown } else { Happening::UnknownInOutage }
}

fn accepted(context: &Context) -> Happening {
    if context.reduced && !context.is_probe() { Happening::AcceptedInPart } else { Happening::Accepted }
}

fn refused(remedy: Remedy, context: &Context) -> Reaction {
    if context.is_probe() {
        return call_only(Happening::Refused);
    }
    let remedied = |happening| Reaction { remedy, ..call_only(happening) };
    match remedy {
        // The address is taken, perhaps by this very call when its outcome was unknown.
        Remedy::OnceMoreLast if context.had_unknown => call_only(Happening::RefusedAfterUnknown),
        Remedy::OnceMoreLast if !context.life.remedy_used => remedied(Happening::RefusedForNow),
        Remedy::OnlyFields(_) if !context.reduced => remedied(Happening::RefusedAsWhole),
        Remedy::None | Remedy::OnceMoreLast | Remedy::OnlyFields(_) => call_only(Happening::Refused),
    }
}

/// Only a create learns something from it: an update that is told so is refused.
fn exists(context: &Context) -> Happening {
    match context.life.operation {
        Operation::Update if !context.is_probe() => Happening::Refused,
        Operation::Create | Operation::Update => Happening::Exists,
    }
}

/// A body code can mean one bad value, when the lane has shown that it works; twice in a row it does not.
fn denied_by_body(context: &Context) -> Reaction {
    if context.lane_accepted && context.denials_in_a_row == 0 {
        call_only(Happening::DeniedByCode)
    } else {
        stopped_by_call(StopReason::Denied)
    }
}

/// The next run sends the call after all others, so that it does not hold them up for ever.
fn stopped_by_call(reason: StopReason) -> Reaction {
    let lane = LaneEffect::Stop(reason);
    Reaction { happening: Happening::LaneStopped, lane, remedy: Remedy::OnceMoreLast }
}

fn call_only(happening: Happening) -> Reaction {
    Reaction { happening, lane: LaneEffect::None, remedy: Remedy::None }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
