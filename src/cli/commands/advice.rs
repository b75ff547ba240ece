//! What a run tells the operator to do at its end, in sentences.

use super::check::NO_PROVIDER;
use super::finish::Run;
use crate::cli::Program;
use crate::cli::config::Config;
use crate::cli::error_code::ErrorCode;
use crate::cli::error_codes;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::dispatch::{LaneEnd, StopReason};
use crate::domain::call::CallId;
use crate::providers::own_codes::{self, OwnCode};
use crate::report::next_step;
use crate::report::text::Context;

/// Everything that the operator should know or do, besides what the counts tell.
pub(super) fn of(program: &Program, config: &Config, session: &Session, run: &Run) -> Vec<String> {
    let mut advice = of_work(run);
    if config.providers.enabled().is_empty() {
        advice.push(format!("providers: {NO_PROVIDER}"));
    }
    let arguments = program.repeated_arguments();
    let mut advice: Vec<String> = advice.iter().map(|text| next_step::typed(text, &arguments)).collect();
    advice.extend(again(program, session, run));
    advice
}

/// What the reading warned of, and why lanes stopped.
fn of_work(run: &Run) -> Vec<String> {
    let mut advice: Vec<String> = run.ingested.iter().flat_map(|outcome| outcome.warnings.clone()).collect();
    let Some(dispatched) = &run.dispatched else { return advice };
    for lane in dispatched.lanes.values() {
        let provider = lane.provider;
        if let Some(failure) = &lane.failure {
            let failed = Failure::told(ExitCode::Failed, ErrorCode::StateBooking, failure.clone());
            advice.push(format!("{provider}: {}", failed.with_code()));
        }
        advice.extend(
            lane.stop.and_then(|stop| {
                of_stop(stop, lane).map(|text| format!("{provider}: {text}{}", code_of(stop)))
            }),
        );
    }
    if dispatched.aborted {
        advice.push(
            "cut short by a second signal: calls on their way are repeated or probed by the next run"
                .to_owned(),
        );
    }
    advice
}

/// After a failure before the input was accepted: `resume` would send nothing of it. A guard says so itself.
fn again(program: &Program, session: &Session, run: &Run) -> Option<String> {
    let failed = run.failure.as_ref().is_some_and(|failure| failure.code != ExitCode::Guarded);
    (failed && run.ingested.is_none() && !run.files.is_empty()).then(|| {
        if !run.sending.repeated().is_empty() {
            // They can name customers, of whom no report knows.
            return "nothing of the input was accepted; when the cause is mended, run the same command again"
                .to_owned();
        }
        let words: Vec<&str> = [session.command()]
            .into_iter()
            .chain(run.files.iter().chain(&run.input_arguments).map(String::as_str))
            .collect();
        let arguments = program.repeated_arguments();
        let command = next_step::command(&words, &Context { arguments: &arguments, ..Context::default() });
        format!("nothing of the input was accepted; when the cause is mended, run `{command}` again")
    })
}

/// The code of a stop as it is printed behind its advice.
fn code_of(stop: StopReason) -> String {
    error_codes::of_stop(stop).map(|code| format!(" [{}]", code.name())).unwrap_or_default()
}

/// What to do after a lane has stopped.
fn of_stop(stop: StopReason, lane: &LaneEnd) -> Option<String> {
    // Why its last request got no answer.
    let cause = lane.unanswered.and_then(own_codes::lookup);
    let text = match stop {
        StopReason::Denied => {
            let by = stopped_by(lane);
            let by_status = lane.stopped_by.as_ref().is_none_or(|(_, code)| code.starts_with("http_"));
            let perhaps = if by_status {
                String::new()
            } else {
                let whose = whose(lane);
                format!(
                    ". This call goes after all others from now on: if it alone is refused, correct the customer{whose}"
                )
            };
            format!("credentials or permissions were refused{by}; mend them, then `crmsync resume`{perhaps}")
        }
        StopReason::Contract => format!(
            "an answer is none that the contract knows{}; if each call gets it, check base_url and protocol. This one goes \
             after all others from now on: if it alone gets it, correct the customer{}, or give the code a class in the \
             provider's table of codes",
            stopped_by(lane),
            whose(lane)
        ),
        StopReason::Unavailable => match cause {
            Some(OwnCode { code, meaning, advice, .. }) => format!(
                "took no call for longer than outage_patience: {meaning} ({code}); {advice}, then `crmsync resume`"
            ),
            None => "was down for longer than outage_patience; `crmsync resume` when it is back".to_owned(),
        },
        StopReason::MaxErrors => {
            "too many calls went wrong; look at `crmsync rejects list` before going on".to_owned()
        }
        StopReason::CallsPerDay => "the calls of this day are used up; the rest goes tomorrow".to_owned(),
        StopReason::MaxDuration if lane.tally.acknowledged.total() == 0 => {
            let OwnCode { code, meaning, advice, .. } = cause?;
            format!("took no call before max_duration had passed: {meaning} ({code}); {advice}")
        }
        StopReason::MaxCalls | StopReason::MaxDuration | StopReason::Interrupted => return None,
    };
    Some(text)
}

/// Which answer stopped a lane: ` (http_400 for call 18)`.
fn stopped_by(lane: &LaneEnd) -> String {
    let told = |(call, code): &(CallId, String)| format!(" ({code} for call {call})");
    lane.stopped_by.as_ref().map(told).unwrap_or_default()
}

/// How to find the customer of the call that stopped a lane.
fn whose(lane: &LaneEnd) -> String {
    let told = |(call, _): &(CallId, String)| format!(", whom `crmsync explain --call {call}` names");
    lane.stopped_by.as_ref().map(told).unwrap_or_default()
}
