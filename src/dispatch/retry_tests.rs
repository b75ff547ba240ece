//! The table of the design, a comment a line, and its law: no answer makes an illegal event.

use super::*;
use crate::domain::lifecycle::next;
use crate::domain::verdict::AnswerCode;
use crate::domain::wire::FieldCode;

const FIELDS: &[FieldCode] = &[];
const ONLY: Remedy = Remedy::OnlyFields(FIELDS);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn code() -> AnswerCode {
    AnswerCode::new("204")
}

fn refusal(remedy: Remedy) -> Verdict {
    Verdict::Refused { code: code(), remedy }
}

fn denial(by_body: bool) -> Verdict {
    Verdict::Denied { code: code(), by_body }
}

/// A fresh call in flight, in a lane that has not had an acknowledgement yet.
fn fresh(operation: Operation) -> Context {
    Context {
        life: Life { state: State::InFlight, ..Life::new(operation, None) },
        spares_try: false,
        lane_accepted: false,
        denials_in_a_row: 0,
        had_unknown: false,
        reduced: false,
    }
}

fn update() -> Context {
    fresh(Operation::Update)
}

fn probe() -> Context {
    let life = Life { state: State::Probing, create_unknown: true, ..Life::new(Operation::Create, None) };
    Context { life, had_unknown: true, ..fresh(Operation::Create) }
}

/// The lane has had an acknowledgement.
fn working(context: Context) -> Context {
    Context { lane_accepted: true, ..context }
}

/// The call has been sent after the others already.
fn sent_last(context: Context) -> Context {
    Context { life: Life { remedy_used: true, ..context.life }, ..context }
}

/// Perhaps it was applied. The breaker does not matter: the bytes may have left. Where nothing gets through, that says nothing
/// about the call.
#[test]
fn no_answer_counts_against_its_call_only_in_a_lane_that_works() {
    let create = fresh(Operation::Create);
    let open = Context { spares_try: true, ..update() };
    let unknown = Verdict::Unknown { what: "timeout" };
    for context in [update(), create, open, probe()] {
        assert_eq!(happening(&unknown, &context).happening, Happening::UnknownInOutage);
        assert_eq!(happening(&unknown, &working(context)).happening, Happening::OutcomeUnknown);
    }
}

#[test]
fn what_an_answer_means_for_its_call() {
    let create = fresh(Operation::Create);
    let open = Context { spares_try: true, ..update() };
    let unsure = Context { had_unknown: true, ..update() };
    let reduced = Context { reduced: true, ..update() };
    let not_applied = |spares_try| Happening::NotApplied { spares_try };
    let not_sent = Verdict::NotSent { what: "connect" };
    let transient = Verdict::Transient { code: code() };
    let exists = Verdict::Exists { code: code() };
    let missing = Verdict::Missing { code: code() };
    let cases = [
        // Success, of all of it or of the part that was sent.
        (Verdict::Accepted, update(), Happening::Accepted),
        (Verdict::Accepted, create, Happening::Accepted),
        (Verdict::Accepted, reduced, Happening::AcceptedInPart),
        // The second try of a whole call is whole.
        (Verdict::Accepted, sent_last(update()), Happening::Accepted),
        // A probe carries everything.
        (Verdict::Accepted, probe(), Happening::Accepted),
        (Verdict::Accepted, Context { reduced: true, ..probe() }, Happening::Accepted),
        // Certainly not applied: tried again, at the cost of an attempt unless the breaker is open.
        (not_sent.clone(), update(), not_applied(false)),
        (not_sent.clone(), open, not_applied(true)),
        (not_sent, probe(), not_applied(false)),
        (transient.clone(), update(), not_applied(false)),
        (transient, open, not_applied(true)),
        // Refused for good.
        (refusal(Remedy::None), update(), Happening::Refused),
        (refusal(Remedy::None), unsure, Happening::Refused),
        (refusal(Remedy::None), probe(), Happening::Refused),
        // The address is taken: once more at the end, unless that has been done.
        (refusal(Remedy::OnceMoreLast), update(), Happening::RefusedForNow),
        (refusal(Remedy::OnceMoreLast), reduced, Happening::RefusedForNow),
        (refusal(Remedy::OnceMoreLast), sent_last(update()), Happening::Refused),
        // Perhaps by the call itself: a person looks at it, before and after the remedy.
        (refusal(Remedy::OnceMoreLast), unsure, Happening::RefusedAfterUnknown),
        (refusal(Remedy::OnceMoreLast), sent_last(unsure), Happening::RefusedAfterUnknown),
        (refusal(Remedy::OnceMoreLast), probe(), Happening::Refused),
        // A verified wallet takes some fields only: once more with those, unless that has been done.
        (refusal(ONLY), update(), Happening::RefusedAsWhole),
        (refusal(ONLY), unsure, Happening::RefusedAsWhole),
        (refusal(ONLY), sent_last(update()), Happening::RefusedAsWhole),
        (refusal(ONLY), reduced, Happening::Refused),
        (refusal(ONLY), sent_last(reduced), Happening::Refused),
        (refusal(Remedy::OnceMoreLast), sent_last(reduced), Happening::Refused),
        (refusal(ONLY), probe(), Happening::Refused),
        // A create learns that it is an update; an update that is told so is refused.
        (exists.clone(), create, Happening::Exists),
        (exists.clone(), update(), Happening::Refused),
        (exists, probe(), Happening::Exists),
        // Half a proof for a probe, a refusal for the rest: the lifecycle tells them apart.
        (missing.clone(), update(), Happening::Missing),
        (missing.clone(), create, Happening::Missing),
        (missing, probe(), Happening::Missing),
    ];
    for (verdict, context, expected) in cases {
        let decided = happening(&verdict, &context);
        assert_eq!(
            (decided.happening, decided.lane),
            (expected, LaneEffect::None),
            "{verdict:?} in {context:?}"
        );
    }
}

#[test]
fn what_an_answer_means_for_its_lane() {
    let working = Context { lane_accepted: true, ..update() };
    let again = Context { denials_in_a_row: 1, ..working };
    let stop = LaneEffect::Stop;
    let contract = |perhaps_applied| Verdict::Contract { code: code(), perhaps_applied };
    let create = fresh(Operation::Create);
    let throttled = |retry_after| Verdict::Throttled { retry_after };
    let cases = [
        // The whole lane waits, for as long as the provider says, if it says.
        (throttled(None), update(), Happening::Throttled, LaneEffect::Pause(None)),
        (throttled(Some(seconds(9))), update(), Happening::Throttled, LaneEffect::Pause(Some(seconds(9)))),
        (throttled(Some(seconds(9))), probe(), Happening::Throttled, LaneEffect::Pause(Some(seconds(9)))),
        // A status is a matter of the lane, however well it worked before.
        (denial(false), update(), Happening::LaneStopped, stop(StopReason::Denied)),
        (denial(false), working, Happening::LaneStopped, stop(StopReason::Denied)),
        (denial(false), probe(), Happening::LaneStopped, stop(StopReason::Denied)),
        (contract(false), update(), Happening::LaneStopped, stop(StopReason::Contract)),
        (contract(false), create, Happening::LaneStopped, stop(StopReason::Contract)),
        (contract(false), probe(), Happening::LaneStopped, stop(StopReason::Contract)),
        // Somebody may have been created, or changed.
        (contract(true), create, Happening::UnknownInOutage, stop(StopReason::Contract)),
        (contract(true), working, Happening::OutcomeUnknown, stop(StopReason::Contract)),
        (contract(true), probe(), Happening::UnknownInOutage, stop(StopReason::Contract)),
        // A body code is believed before the lane has shown that it works …
        (denial(true), update(), Happening::LaneStopped, stop(StopReason::Denied)),
        // … then the first is one bad value, perhaps …
        (denial(true), working, Happening::DeniedByCode, LaneEffect::None),
        (denial(true), Context { lane_accepted: true, ..probe() }, Happening::DeniedByCode, LaneEffect::None),
        // … and the second in a row is not.
        (denial(true), again, Happening::LaneStopped, stop(StopReason::Denied)),
    ];
    for (verdict, context, expected, lane) in cases {
        let decided = happening(&verdict, &context);
        assert_eq!((decided.happening, decided.lane), (expected, lane), "{verdict:?} in {context:?}");
    }
}

#[test]
fn a_remedy_is_recorded_exactly_when_it_is_to_be_tried() {
    assert_eq!(happening(&refusal(Remedy::OnceMoreLast), &update()).remedy, Remedy::OnceMoreLast);
    assert_eq!(happening(&refusal(ONLY), &update()).remedy, ONLY);
    for_every_case(|verdict, context| {
        let decided = happening(verdict, context);
        let tried = matches!(decided.happening, Happening::RefusedForNow | Happening::RefusedAsWhole)
            || matches!(decided.lane, LaneEffect::Stop(_));
        assert_eq!(decided.remedy != Remedy::None, tried, "{verdict:?} in {context:?}");
    });
}

#[test]
fn no_answer_makes_an_illegal_event() {
    for_every_case(|verdict, context| {
        let decided = happening(verdict, context);
        assert!(next(&context.life, decided.happening).is_ok(), "{verdict:?} in {context:?}: {decided:?}");
    });
}

#[test]
fn a_call_is_queued_again_once_by_each_remedy() {
    for (one, other) in [(Remedy::OnceMoreLast, ONLY), (ONLY, Remedy::OnceMoreLast)] {
        let mut context = update();
        for (remedy, is_queued) in [(one, true), (one, false), (other, true), (one, false), (other, false)] {
            let decided = happening(&refusal(remedy), &context);
            assert_eq!(decided.remedy != Remedy::None, is_queued, "{remedy:?} in {context:?}");
            if is_queued {
                let queued = next(&context.life, decided.happening).expect("a legal event").life;
                context.life = next(&queued, Happening::Leased).expect("a legal event").life;
                context.reduced |= remedy == ONLY;
            }
        }
    }
}

/// Every verdict with every context that a lease can lead to.
fn for_every_case(check: impl Fn(&Verdict, &Context)) {
    let verdicts = [
        Verdict::Accepted,
        Verdict::Throttled { retry_after: None },
        Verdict::NotSent { what: "connect" },
        Verdict::Transient { code: code() },
        Verdict::Unknown { what: "timeout" },
        refusal(Remedy::None),
        refusal(Remedy::OnceMoreLast),
        refusal(ONLY),
        Verdict::Exists { code: code() },
        Verdict::Missing { code: code() },
        denial(true),
        denial(false),
        Verdict::Contract { code: code(), perhaps_applied: false },
        Verdict::Contract { code: code(), perhaps_applied: true },
    ];
    let flag = |bits: u32, place: u32| bits >> place & 1 == 1;
    for base in [update(), fresh(Operation::Create), probe()] {
        for bits in 0..1_u32 << 6 {
            let context = Context {
                life: Life { remedy_used: flag(bits, 0), ..base.life },
                spares_try: flag(bits, 1),
                lane_accepted: flag(bits, 2),
                denials_in_a_row: bits >> 3 & 1,
                had_unknown: flag(bits, 4),
                reduced: flag(bits, 5),
            };
            for verdict in &verdicts {
                check(verdict, &context);
            }
        }
    }
}

#[test]
fn a_backoff_doubles_up_to_its_ceiling_and_jitter_takes_any_part_of_it() {
    let initial = Duration::from_millis(500);
    let cases = [
        // Attempts count from 1; 0 is taken for the first.
        (0, 0.5, 250),
        (1, 0.5, 250),
        (2, 0.5, 500),
        (3, 0.5, 1_000),
        (7, 0.5, 16_000),
        // 64 seconds are over the ceiling of 60.
        (8, 0.5, 30_000),
        (9, 0.25, 15_000),
        // No attempt overflows.
        (1_000, 0.5, 30_000),
        (u32::MAX, 0.5, 30_000),
        // Never nothing, and never more than the ceiling.
        (1, 0.0, 1),
        (u32::MAX, 0.0, 1),
        (1, -1.0, 1),
        (8, 2.0, 60_000),
    ];
    for (attempt, random, millis) in cases {
        let wait = backoff(attempt, initial, seconds(60), random);
        assert_eq!(wait, Duration::from_millis(millis), "attempt {attempt}, random {random}");
    }
}

#[test]
fn a_backoff_of_odd_settings_is_still_a_wait() {
    let longest = Duration::MAX;
    assert_eq!(backoff(u32::MAX, longest, longest, 0.0), BACKOFF_MIN);
    assert!(backoff(u32::MAX, longest, longest, 0.999) > seconds(1));
    assert_eq!(backoff(u32::MAX, Duration::ZERO, longest, 0.5), BACKOFF_MIN);
    assert_eq!(backoff(3, seconds(1), Duration::ZERO, 0.5), BACKOFF_MIN);
    assert_eq!(backoff(3, seconds(1), seconds(9), f64::NAN), seconds(9));
}
