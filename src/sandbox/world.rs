//! The whole of what is simulated: people, ledger and script, changed by one request at a time.
//!
//! Everything here is synchronous and happens under one lock: a request is decided, applied and written down in one
//! step, with no point in between at which a vanished client could leave half of it.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use jiff::civil::Date;
use serde_json::value::to_raw_value;

use super::credentials::Accounts;
use super::desk::Desk;
use super::ledger::{Ledger, Note, Outcome};
use super::people::People;
use super::reply::{Reply, Served};
use super::request::Call;
use super::scenario::{Effect, GarbageBody, Loss, Redirect, Refuse, Scenario, Status};
use super::script::{Fate, Script};
use super::{lemonway, safedebit, wsone};
use crate::domain::clock::Timestamp;
use crate::domain::provider::ProviderId;

pub(super) struct World {
    pub(super) people: People,
    pub(super) ledger: Ledger,
    pub(super) script: Script,
    accounts: Accounts,
    accept_unknown: bool,
}

/// What the connection is to do now that the request is decided.
pub(super) struct Course {
    /// The wait before the ending.
    pub(super) delay: Duration,
    pub(super) ending: Ending,
}

pub(super) enum Ending {
    /// The answer is sent.
    Answer(Reply),
    /// The connection is closed without a word.
    Cut,
    /// The same, and the request is applied `after` its arrival, as a sequel of ledger entry `seq`.
    CutAndApply { after: Duration, seq: u64 },
}

impl World {
    pub(super) fn new(scenario: Scenario, accounts: Accounts, accept_unknown: bool) -> Self {
        Self {
            people: People::default(),
            ledger: Ledger::default(),
            script: Script::new(scenario),
            accounts,
            accept_unknown,
        }
    }

    /// Decides one request at the wall-clock time `now`.
    pub(super) fn receive(&mut self, call: &Call, now: Timestamp) -> Course {
        let Fate { mut delay, effect } = self.script.next(call.operation(), call.key().as_deref());
        if let Some(Effect::Late(late)) = &effect {
            delay += late.stall;
        }
        let ending = match effect {
            None | Some(Effect::Latency(_)) => {
                let served = self.serve(call, now);
                self.write(call, served.outcome, &served.code, Some(&served), true);
                Ending::Answer(served.reply)
            }
            Some(Effect::LoseReply(Loss::Before)) => {
                self.write(call, Outcome::Lost, "", None, false);
                Ending::Cut
            }
            Some(Effect::LoseReply(Loss::After)) => {
                let served = self.serve(call, now);
                self.write(call, served.outcome, &served.code, Some(&served), false);
                Ending::Cut
            }
            Some(Effect::Late(late)) => {
                let seq = self.write(call, Outcome::Late, "", None, false);
                Ending::CutAndApply { after: late.after, seq }
            }
            Some(Effect::Status(status)) => Ending::Answer(self.answer_status(call, &status, now)),
            Some(Effect::Refuse(refuse)) => Ending::Answer(self.refuse(call, &refuse, now)),
            Some(Effect::Garbage(garbage)) => {
                let served = garbage.apply.then(|| self.serve(call, now));
                self.write(call, Outcome::Garbage, "200", served.as_ref(), true);
                Ending::Answer(gibberish(garbage.body))
            }
            Some(Effect::Redirect(redirect)) => Ending::Answer(self.redirect(call, &redirect, now)),
        };
        Course { delay, ending }
    }

    /// Applies a request long after its connection was cut, as the sequel of ledger entry `seq`.
    pub(super) fn apply_late(&mut self, call: &Call, seq: u64, now: Timestamp, at: Duration) {
        let served = self.serve(call, now);
        let note =
            Note { late_of: Some(seq), at, ..note(call, served.outcome, &served.code, Some(&served), false) };
        self.ledger.append(note);
    }

    /// Makes a customer known to a provider, without fields.
    pub(super) fn populate(&mut self, provider: ProviderId, key: &str, is_verified: bool) {
        self.people.enter(provider, key).verified |= is_verified;
    }

    /// Starts another scenario from its first request; people and ledger stay.
    pub(super) fn swap_scenario(&mut self, scenario: Scenario) {
        self.script = Script::new(scenario);
    }

    /// Forgets all entries, not what they did.
    pub(super) fn reset_ledger(&mut self) {
        self.ledger = Ledger::default();
    }

    fn serve(&mut self, call: &Call, now: Timestamp) -> Served {
        let scenario = self.script.scenario();
        let mut desk = Desk {
            people: &mut self.people,
            scenario: &scenario,
            accounts: &self.accounts,
            accept_unknown: self.accept_unknown,
            today: date_of(now),
        };
        match call.target.provider() {
            ProviderId::Wsone => wsone::serve(call, &mut desk),
            ProviderId::Lemonway => lemonway::serve(call, &mut desk),
            ProviderId::Safedebit => safedebit::serve(call, &mut desk),
        }
    }

    fn answer_status(&mut self, call: &Call, status: &Status, now: Timestamp) -> Reply {
        let served = status.apply.then(|| self.serve(call, now));
        let retry_after = status.retry_after.clone().or_else(|| {
            let ahead = status.retry_after_date_in?;
            Some(httpdate::fmt_http_date(system_time(now.after(ahead))))
        });
        let outcome = match status.code {
            429 => Outcome::Throttled,
            503 if retry_after.is_some() => Outcome::Throttled,
            401 | 403 => Outcome::Denied,
            _ => Outcome::Status,
        };
        self.write(call, outcome, &status.code.to_string(), served.as_ref(), true);
        let reply = status_reply(call, status);
        match retry_after {
            Some(text) => reply.with_header(RETRY_AFTER, &text),
            None => reply,
        }
    }

    fn refuse(&mut self, call: &Call, refuse: &Refuse, now: Timestamp) -> Reply {
        let served = refuse.apply.then(|| self.serve(call, now));
        self.write(call, Outcome::Refused, &refuse.code, served.as_ref(), true);
        match call.target.provider() {
            ProviderId::Wsone => wsone::refusal(&refuse.code, "refused by the scenario"),
            ProviderId::Lemonway => lemonway::refusal(call, &refuse.code, &self.script.scenario().lemonway),
            ProviderId::Safedebit => safedebit::refusal(&refuse.code),
        }
    }

    fn redirect(&mut self, call: &Call, redirect: &Redirect, now: Timestamp) -> Reply {
        let served = redirect.apply.then(|| self.serve(call, now));
        self.write(call, Outcome::Redirected, &redirect.status.to_string(), served.as_ref(), true);
        Reply::html(http_status(redirect.status), "Moved").with_header(LOCATION, &redirect.location)
    }

    fn write(
        &mut self,
        call: &Call,
        outcome: Outcome,
        code: &str,
        served: Option<&Served>,
        answered: bool,
    ) -> u64 {
        self.ledger.append(note(call, outcome, code, served, answered))
    }
}

fn note(call: &Call, outcome: Outcome, code: &str, served: Option<&Served>, answered: bool) -> Note {
    let applied = served.and_then(|served| served.applied.as_ref());
    Note {
        operation: call.operation(),
        key: call.key(),
        outcome,
        code: code.to_owned(),
        answered,
        duplicate: served.is_some_and(|served| served.duplicate),
        late_of: None,
        at: call.at,
        fields: applied.map(|fields| to_raw_value(fields).expect("a JSON object is serialisable")),
    }
}

/// The page of a gateway, or, where Lemonway's service itself fails, the exception of ASP.NET.
fn status_reply(call: &Call, status: &Status) -> Reply {
    let code = http_status(status.code);
    match &status.body {
        Some(body) => Reply::new(code, "text/plain; charset=utf-8", body.clone()),
        None if call.target.provider() == ProviderId::Lemonway && status.code == 500 => {
            lemonway::exception("There was an error processing the request.")
        }
        None => Reply::html(code, code.canonical_reason().unwrap_or("Unknown")),
    }
}

/// A body that claims success and says nothing.
fn gibberish(body: GarbageBody) -> Reply {
    let json = |text: &str| Reply::new(StatusCode::OK, "application/json; charset=utf-8", text.to_owned());
    match body {
        GarbageBody::Html => Reply::html(StatusCode::OK, "Down for maintenance"),
        GarbageBody::Empty => json(""),
        GarbageBody::Truncated => json("{\"result\": tr"),
    }
}

/// The status of a checked number; the check of the scenario leaves none that HTTP cannot carry.
fn http_status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(time.0).unwrap_or_default())
}

fn date_of(time: Timestamp) -> Date {
    let instant = jiff::Timestamp::from_millisecond(time.0).unwrap_or(jiff::Timestamp::MAX);
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::sandbox::route;

    const NOW: Timestamp = Timestamp(1_795_348_800_000);

    fn edit(city: &str) -> Call {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Basic dXNlcjpwYXNz"),
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let target = route::find("/edit_consumer").expect("the path is Safedebit's");
        let body = format!(r#"{{"safedebit_consumer_reference": "r", "consumer_city": "{city}"}}"#);
        Call::read(target, true, headers, Some(body.as_bytes()), Duration::ZERO)
    }

    #[test]
    fn a_late_request_stalls_on_top_of_its_latency() {
        let rules = "[[rule]]\neffect = { latency = \"20ms\" }\n\
                     [[rule]]\neffect = { late = { after = \"1s\", stall = \"300ms\" } }";
        let scenario = Scenario::from_toml(rules).expect("the scenario is right");
        let mut world = World::new(scenario, Accounts::default(), true);
        assert_eq!(world.receive(&edit("Lyon"), NOW).delay, Duration::from_millis(320));
    }

    #[test]
    fn late_request_lands_on_top_of_its_successor() {
        let rule = "[[rule]]\nnth = 1\neffect = { late = { after = \"1s\" } }";
        let scenario = Scenario::from_toml(rule).expect("the scenario is right");
        let mut world = World::new(scenario, Accounts::default(), true);
        let older = edit("Lyon");
        let Ending::CutAndApply { seq, .. } = world.receive(&older, NOW).ending else {
            panic!("the first request is kept back");
        };
        world.receive(&edit("Nice"), NOW);
        world.apply_late(&older, seq, NOW, Duration::from_secs(1));
        let person = world.people.get(ProviderId::Safedebit, "r").expect("accepted");
        assert_eq!(person.fields["consumer_city"], "Lyon", "the older value won, as it can in life");
        let course: Vec<_> =
            world.ledger.entries().iter().map(|entry| (entry.applied, entry.late_of)).collect();
        assert_eq!(course, [(false, None), (true, None), (true, Some(1))]);
    }
}
