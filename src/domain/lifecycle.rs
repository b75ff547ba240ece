//! The life of a call: one pure function that says what each event does to it, recovery after a crash included.
//!
//! A stranger can check the promises of the project against [`next`]: nothing leaves a settled state except by a
//! newer value or a person; a create whose outcome is unknown is never queued again without proof; waiting does not
//! spend an attempt. The store performs what this function decides. What a new call takes over from the one it replaces, what a
//! person's release finds at the account, and what the start of a run does to all that wait, it writes itself
//! (`store::intake`, `store::decisions`, `store::recovery`).

use super::call::{HoldReason, Operation, State};
pub use super::happening::Happening;

/// A call is held at the crash recovery with this number: what kills the program thrice is poison.
pub const CRASHES_MAX: u32 = 3;
/// From so many crash recoveries on a call is suspected to be their cause and is sent alone: those that merely flew
/// beside it must not be held with it.
pub const CRASHES_SUSPECT: u32 = 2;
/// A call is held when its outcome was unknown in this many runs; an outage counts as one of them, however long it lasts.
pub const UNKNOWN_RUNS_MAX: u32 = 3;
/// How many answers of class `missing`, `settle` apart, prove that a create did not happen.
pub const MISSING_PROOFS: u32 = 2;

/// Where a call stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Its state.
    pub state: State,
    /// What it does when it is sent.
    pub operation: Operation,
    /// Whether a createPerson of this call may have been applied. Then only a probe may be sent.
    pub create_unknown: bool,
    /// Tries spent in this run.
    pub attempts: u32,
    /// Runs in which its outcome was unknown.
    pub unknown_runs: u32,
    /// Whether its outcome was unknown in this run already.
    pub unknown_this_run: bool,
    /// Crash recoveries that found it in flight.
    pub crashes: u32,
    /// Probes that found the person missing. One in between whose outcome is unknown disproves none of them.
    pub missing_seen: u32,
    /// Whether it has been sent once more after the others of its lane ([`super::verdict::Remedy::OnceMoreLast`]).
    pub remedy_used: bool,
    /// Why it waits for a person.
    pub hold: Option<HoldReason>,
}

impl Life {
    /// A call as ingest creates it: queued, or held with a reason.
    #[must_use]
    pub fn new(operation: Operation, hold: Option<HoldReason>) -> Self {
        Self {
            state: if hold.is_some() { State::Held } else { State::Queued },
            operation,
            create_unknown: false,
            attempts: 0,
            unknown_runs: 0,
            unknown_this_run: false,
            crashes: 0,
            missing_seen: 0,
            remedy_used: false,
            hold,
        }
    }

    /// A create as ingest makes it while nobody knows whether the person was created before: it is only probed.
    #[must_use]
    pub fn new_in_doubt(hold: Option<HoldReason>) -> Self {
        let state = if hold.is_some() { State::Held } else { State::Probing };
        Self { state, create_unknown: true, ..Self::new(Operation::Create, hold) }
    }
}

/// When a call may be sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As soon as its turn comes.
    None,
    /// Not before the time it already has.
    Keep,
    /// Not before `settle` has passed.
    Settle,
    /// After a full-jitter backoff.
    Backoff,
}

/// What else has to be written in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The account takes over the values of the call.
    Acknowledge,
    /// The fields of the call count as unknown at the account.
    MarkUnknown,
    /// Nobody is there, so that nothing of the call is.
    Absent,
    /// The account is there; what stands in the fields of the call is unknown.
    Exists,
}

/// What an event does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its life afterwards.
    pub life: Life,
    /// When it may be sent next.
    pub wait: Wait,
    /// What else is written.
    pub effect: Effect,
}

/// An event that cannot happen to a call in that state: a defect of the program, never of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{happening:?} cannot happen to a call that is {}", state.name())]
pub struct IllegalEvent {
    /// What happened.
    pub happening: Happening,
    /// The state it happened in.
    pub state: State,
}

/// The whole machine: what `happening` makes of a call.
///
/// # Errors
/// [`IllegalEvent`] for an event that cannot happen in the state of the call.
pub fn next(life: &Life, happening: Happening) -> Result<Step, IllegalEvent> {
    let step = match life.state {
        State::Queued | State::Waiting => ready(life, happening),
        State::InFlight => in_flight(life, happening),
        State::Probing => probing(life, happening),
        State::Held => held(life, happening),
        State::Refused => refused(life, happening),
        State::Acknowledged | State::Superseded | State::Abandoned | State::Forgotten => None,
    };
    step.ok_or(IllegalEvent { happening, state: life.state })
}

fn ready(life: &Life, happening: Happening) -> Option<Step> {
    match happening {
        Happening::Leased => Some(to(life, State::InFlight, Wait::Keep)),
        Happening::AttemptsUsedUp => Some(to(life, State::Queued, Wait::Keep)),
        Happening::NewerValue | Happening::NothingLeft | Happening::GivenAway => {
            Some(to(life, State::Superseded, Wait::Keep))
        }
        Happening::Forgotten => Some(to(life, State::Forgotten, Wait::None)),
        Happening::NotToBeCreated if life.operation == Operation::Create && !life.create_unknown => {
            Some(to(&Life { operation: Operation::Update, ..*life }, life.state, Wait::Keep))
        }
        Happening::KeyDisputed => Some(hold(life, HoldReason::DuplicateKey)),
        Happening::LeftBehind => Some(hold(life, HoldReason::Restored)),
        Happening::Overtaken => Some(hold(life, HoldReason::Overtaken)),
        Happening::Restored => Some(restored(life)),
        Happening::NotToBeCreated
        | Happening::Accepted
        | Happening::AcceptedInPart
        | Happening::Throttled
        | Happening::NotApplied { .. }
        | Happening::OutcomeUnknown
        | Happening::UnknownInOutage
        | Happening::Crashed
        | Happening::Refused
        | Happening::RefusedAfterUnknown
        | Happening::RefusedForNow
        | Happening::RefusedAsWhole
        | Happening::Exists
        | Happening::Missing
        | Happening::LaneStopped
        | Happening::DeniedByCode
        | Happening::Interrupted
        | Happening::Released
        | Happening::ResolvedApplied
        | Happening::ResolvedAppliedOlder
        | Happening::ResolvedAppliedInPart
        | Happening::ResolvedNotApplied
        | Happening::DecidedAnew
        | Happening::Abandoned => None,
    }
}

/// What the call did between the backup and its return is not known: an update is sent again, a create may have
/// been applied and is only probed.
fn restored(life: &Life) -> Step {
    let create_unknown = life.create_unknown || life.operation == Operation::Create;
    let life = Life { create_unknown, ..*life };
    let ready = matches!(life.state, State::Queued | State::Waiting);
    let state = if ready && create_unknown { State::Probing } else { life.state };
    Step { effect: Effect::MarkUnknown, ..to(&life, state, Wait::Keep) }
}

fn in_flight(life: &Life, happening: Happening) -> Option<Step> {
    match happening {
        Happening::Accepted => {
            Some(Step { effect: Effect::Acknowledge, ..to(&spent(life), State::Acknowledged, Wait::None) })
        }
        Happening::AcceptedInPart => {
            Some(Step { effect: Effect::Acknowledge, ..to(&spent(life), State::Refused, Wait::None) })
        }
        Happening::Throttled => Some(to(life, State::Waiting, Wait::None)),
        Happening::NotApplied { spares_try: true } => Some(to(life, State::Waiting, Wait::Backoff)),
        Happening::NotApplied { spares_try: false } => Some(to(&spent(life), State::Waiting, Wait::Backoff)),
        Happening::OutcomeUnknown => Some(unknown(&counted(&spent(life)))),
        Happening::UnknownInOutage => Some(unknown(&noted(&spent(life)))),
        Happening::Crashed => Some(crashed(life)),
        Happening::Refused | Happening::Missing => Some(to(&spent(life), State::Refused, Wait::None)),
        Happening::RefusedForNow if !life.remedy_used => {
            Some(to(&Life { remedy_used: true, ..spent(life) }, State::Queued, Wait::None))
        }
        Happening::RefusedAsWhole => Some(to(&spent(life), State::Queued, Wait::None)),
        Happening::Exists if life.operation == Operation::Create => {
            let exists = Life { operation: Operation::Update, ..spent(life) };
            Some(Step { effect: Effect::Exists, ..to(&exists, State::Queued, Wait::None) })
        }
        Happening::Exists => Some(to(&spent(life), State::Refused, Wait::None)),
        Happening::LaneStopped | Happening::Interrupted => Some(to(life, State::Queued, Wait::Keep)),
        Happening::DeniedByCode => Some(denied(life)),
        Happening::RefusedAfterUnknown => Some(hold(&spent(life), HoldReason::RefusedAfterUnknown)),
        Happening::Leased
        | Happening::RefusedForNow
        | Happening::AttemptsUsedUp
        | Happening::NewerValue
        | Happening::NotToBeCreated
        | Happening::NothingLeft
        | Happening::KeyDisputed
        | Happening::GivenAway
        | Happening::LeftBehind
        | Happening::Overtaken
        | Happening::DecidedAnew
        | Happening::Restored
        | Happening::Released
        | Happening::ResolvedApplied
        | Happening::ResolvedAppliedOlder
        | Happening::ResolvedAppliedInPart
        | Happening::ResolvedNotApplied
        | Happening::Abandoned
        | Happening::Forgotten => None,
    }
}

/// A create whose outcome is unknown; what is sent for it is a probe (updatePerson with the newest values).
fn probing(life: &Life, happening: Happening) -> Option<Step> {
    match happening {
        Happening::Leased | Happening::Throttled | Happening::LaneStopped | Happening::Interrupted => {
            Some(to(life, State::Probing, Wait::Keep))
        }
        Happening::Accepted => {
            Some(Step { effect: Effect::Acknowledge, ..to(&spent(life), State::Acknowledged, Wait::None) })
        }
        Happening::NotApplied { spares_try: true } => Some(to(life, State::Probing, Wait::Backoff)),
        Happening::NotApplied { spares_try: false } => Some(to(&spent(life), State::Probing, Wait::Backoff)),
        Happening::OutcomeUnknown => Some(unknown(&counted(&spent(life)))),
        Happening::UnknownInOutage => Some(unknown(&noted(&spent(life)))),
        Happening::Crashed => Some(crashed(life)),
        Happening::Missing if life.missing_seen + 1 < MISSING_PROOFS => {
            // It is a step of finding out, and no try that failed.
            let seen = Life { missing_seen: life.missing_seen + 1, ..*life };
            Some(to(&seen, State::Probing, Wait::Settle))
        }
        Happening::Missing => {
            let absent = Life { create_unknown: false, missing_seen: 0, ..*life };
            Some(Step { effect: Effect::Absent, ..to(&absent, State::Queued, Wait::None) })
        }
        Happening::Refused
        | Happening::RefusedAfterUnknown
        | Happening::RefusedForNow
        | Happening::RefusedAsWhole
        | Happening::Exists => Some(hold(&spent(life), HoldReason::ProbeRefused)),
        Happening::DeniedByCode => Some(hold(&spent(life), HoldReason::DeniedByCode)),
        Happening::AttemptsUsedUp | Happening::NewerValue => Some(to(life, State::Probing, Wait::Keep)),
        // Whoever has the account now is probed before anybody is created there.
        Happening::GivenAway => Some(to(life, State::Superseded, Wait::None)),
        Happening::Forgotten => Some(to(life, State::Forgotten, Wait::None)),
        Happening::KeyDisputed => Some(hold(life, HoldReason::DuplicateKey)),
        Happening::LeftBehind => Some(hold(life, HoldReason::Restored)),
        Happening::Overtaken => Some(hold(life, HoldReason::Overtaken)),
        Happening::Restored => Some(restored(life)),
        Happening::AcceptedInPart
        | Happening::NotToBeCreated
        | Happening::NothingLeft
        | Happening::Released
        | Happening::ResolvedApplied
        | Happening::ResolvedAppliedOlder
        | Happening::ResolvedAppliedInPart
        | Happening::ResolvedNotApplied
        | Happening::DecidedAnew
        | Happening::Abandoned => None,
    }
}

fn held(life: &Life, happening: Happening) -> Option<Step> {
    match happening {
        // A create of unknown outcome that a newer record overtook goes on as what it was.
        Happening::DecidedAnew if life.create_unknown && life.hold == Some(HoldReason::Overtaken) => {
            Some(to(life, State::Probing, Wait::Keep))
        }
        Happening::NewerValue => Some(to(life, State::Held, Wait::Keep)),
        // A create that may have been applied must not vanish because the CRM took the change back. An update may: what it was
        // to bring is unknown at the account.
        Happening::NothingLeft
            if !life.create_unknown && life.hold.is_some_and(HoldReason::is_judged_anew) =>
        {
            Some(to(life, State::Superseded, Wait::None))
        }
        Happening::Released => Some(released(life)),
        Happening::ResolvedApplied => {
            let applied = Life { create_unknown: false, ..*life };
            Some(Step { effect: Effect::Acknowledge, ..to(&applied, State::Acknowledged, Wait::None) })
        }
        Happening::ResolvedAppliedOlder => {
            let exists = Life { create_unknown: false, operation: Operation::Update, ..*life };
            Some(Step { effect: Effect::Exists, ..released(&exists) })
        }
        Happening::ResolvedAppliedInPart => {
            Some(Step { effect: Effect::Acknowledge, ..to(life, State::Refused, Wait::None) })
        }
        Happening::ResolvedNotApplied => {
            let effect = if life.create_unknown { Effect::Absent } else { Effect::None };
            Some(Step { effect, ..released(&Life { create_unknown: false, ..*life }) })
        }
        Happening::Abandoned | Happening::GivenAway => Some(to(life, State::Abandoned, Wait::None)),
        Happening::Forgotten => Some(to(life, State::Forgotten, Wait::None)),
        Happening::Restored => Some(restored(life)),
        Happening::Leased
        | Happening::Accepted
        | Happening::AcceptedInPart
        | Happening::Throttled
        | Happening::NotApplied { .. }
        | Happening::OutcomeUnknown
        | Happening::UnknownInOutage
        | Happening::Crashed
        | Happening::Refused
        | Happening::RefusedAfterUnknown
        | Happening::RefusedForNow
        | Happening::RefusedAsWhole
        | Happening::Exists
        | Happening::Missing
        | Happening::LaneStopped
        | Happening::DeniedByCode
        | Happening::Interrupted
        | Happening::AttemptsUsedUp
        | Happening::KeyDisputed
        | Happening::LeftBehind
        | Happening::Overtaken
        | Happening::DecidedAnew
        | Happening::NotToBeCreated
        | Happening::NothingLeft => None,
    }
}

fn refused(life: &Life, happening: Happening) -> Option<Step> {
    match happening {
        Happening::NewerValue | Happening::NothingLeft | Happening::GivenAway => {
            Some(to(life, State::Superseded, Wait::Keep))
        }
        Happening::Released => Some(released(life)),
        Happening::Forgotten => Some(to(life, State::Forgotten, Wait::None)),
        Happening::Restored => Some(restored(life)),
        Happening::Leased
        | Happening::Accepted
        | Happening::AcceptedInPart
        | Happening::Throttled
        | Happening::NotApplied { .. }
        | Happening::OutcomeUnknown
        | Happening::UnknownInOutage
        | Happening::Crashed
        | Happening::Refused
        | Happening::RefusedAfterUnknown
        | Happening::RefusedForNow
        | Happening::RefusedAsWhole
        | Happening::Exists
        | Happening::Missing
        | Happening::LaneStopped
        | Happening::DeniedByCode
        | Happening::Interrupted
        | Happening::AttemptsUsedUp
        | Happening::KeyDisputed
        | Happening::NotToBeCreated
        | Happening::LeftBehind
        | Happening::Overtaken
        | Happening::DecidedAnew
        | Happening::ResolvedApplied
        | Happening::ResolvedAppliedOlder
        | Happening::ResolvedAppliedInPart
        | Happening::ResolvedNotApplied
        | Happening::Abandoned => None,
    }
}

fn to(life: &Life, state: State, wait: Wait) -> Step {
    // A held call that stays held keeps its reason; every other state has none.
    let hold = life.hold.filter(|_| state == State::Held);
    Step { life: Life { state, hold, ..*life }, wait, effect: Effect::None }
}

fn hold(life: &Life, reason: HoldReason) -> Step {
    Step {
        life: Life { state: State::Held, hold: Some(reason), ..*life },
        wait: Wait::None,
        effect: Effect::None,
    }
}

/// Only a person can tell whether what claims a denial is one: until then an update may have been applied.
fn denied(life: &Life) -> Step {
    let effect = match life.operation {
        Operation::Update => Effect::MarkUnknown,
        Operation::Create => Effect::None,
    };
    Step { effect, ..hold(&spent(life), HoldReason::DeniedByCode) }
}

fn spent(life: &Life) -> Life {
    Life { attempts: life.attempts + 1, ..*life }
}

/// Counts the runs in which the outcome was unknown, each once.
fn counted(life: &Life) -> Life {
    let unknown_runs = life.unknown_runs + u32::from(!life.unknown_this_run);
    Life { unknown_runs, unknown_this_run: true, ..*life }
}

/// Notes that the outcome was unknown, which counts once however many runs an outage lasts.
fn noted(life: &Life) -> Life {
    if life.unknown_runs == 0 { counted(life) } else { *life }
}

/// The outcome is open: an update is repeated after `settle`, a create is probed after `settle`.
fn unknown(life: &Life) -> Step {
    let effect = Effect::MarkUnknown;
    if life.unknown_runs >= UNKNOWN_RUNS_MAX {
        let create_unknown = life.operation == Operation::Create;
        let held = hold(&Life { create_unknown, ..*life }, HoldReason::Unknown);
        return Step { effect, wait: Wait::Settle, ..held };
    }
    let step = match life.operation {
        Operation::Create => to(&Life { create_unknown: true, ..*life }, State::Probing, Wait::Settle),
        Operation::Update => to(life, State::Waiting, Wait::Settle),
    };
    Step { effect, ..step }
}

fn crashed(life: &Life) -> Step {
    let life = Life { crashes: life.crashes + 1, ..spent(life) };
    if life.crashes >= CRASHES_MAX {
        let create_unknown = life.operation == Operation::Create;
        let held = hold(&Life { create_unknown, ..life }, HoldReason::Crashed);
        return Step { effect: Effect::MarkUnknown, wait: Wait::Settle, ..held };
    }
    unknown(&counted(&life))
}

/// Queued again by a person; a create whose outcome is still unknown goes on being probed.
fn released(life: &Life) -> Step {
    let fresh = Life {
        attempts: 0,
        unknown_runs: 0,
        unknown_this_run: false,
        crashes: 0,
        missing_seen: 0,
        remedy_used: false,
        hold: None,
        ..*life
    };
    let state = if fresh.create_unknown { State::Probing } else { State::Queued };
    Step { life: Life { state, ..fresh }, wait: Wait::Keep, effect: Effect::None }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
