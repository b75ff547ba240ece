//! The limiter under a virtual clock whose sleeper is as late as a real one.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// What a configured rate allows within any window of so many seconds.
#[derive(Clone, Copy)]
struct Allowed {
    rate: f64,
    requests: usize,
    seconds: u64,
}

const RATES: [Allowed; 7] = [
    Allowed { rate: 0.5, requests: 1, seconds: 2 },
    Allowed { rate: 1.0, requests: 1, seconds: 1 },
    // Three would be more than two and a half.
    Allowed { rate: 2.5, requests: 2, seconds: 1 },
    Allowed { rate: 10.0, requests: 10, seconds: 1 },
    Allowed { rate: 50.0, requests: 50, seconds: 1 },
    Allowed { rate: 500.0, requests: 500, seconds: 1 },
    Allowed { rate: 5_000.0, requests: 5_000, seconds: 1 },
];
const BURSTS: [u32; 2] = [1, 10];

/// A lane that always has something to send, with a timer of whole milliseconds that wakes it up to 3 ms late.
struct Lane {
    now: Duration,
    luck: StdRng,
    sent: Vec<Duration>,
}

impl Lane {
    fn new(seed: u64) -> Self {
        Self { now: Duration::ZERO, luck: StdRng::seed_from_u64(seed), sent: Vec::new() }
    }

    fn send_until(&mut self, limiter: &mut Limiter, end: Duration) {
        while self.now < end {
            match limiter.poll(self.now) {
                Ok(()) => {
                    self.sent.push(self.now);
                    // What a task does between two permissions.
                    self.now += Duration::from_micros(self.luck.random_range(1..=20));
                }
                Err(wait) => {
                    assert!(!wait.is_zero(), "a wait of nothing spins");
                    self.sleep(wait);
                }
            }
        }
    }

    fn sleep(&mut self, wait: Duration) {
        let whole_millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).expect("a short wait");
        self.now += Duration::from_millis(whole_millis);
        self.now += Duration::from_micros(self.luck.random_range(0..=3_000));
    }
}

/// The most requests that any sliding window of that length holds, both ends included.
fn most_within(sent: &[Duration], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (index, moment) in sent.iter().enumerate() {
        while *moment - sent[first] > window {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    most
}

fn assert_within_rate(sent: &[Duration], allowed: Allowed, case: &str) {
    let Allowed { rate, requests, seconds } = allowed;
    let most = most_within(sent, Duration::from_secs(seconds));
    assert!(most <= requests, "{case}: {most} requests within {seconds} s at {rate} a second");
}

#[test]
fn no_sliding_second_holds_more_than_the_rate_however_late_the_timer_wakes() {
    for allowed in RATES {
        for burst in BURSTS {
            for seed in 0..5 {
                let mut lane = Lane::new(seed);
                let mut limiter = Limiter::new(allowed.rate, burst, lane.now, None);
                lane.send_until(&mut limiter, Duration::from_secs(10));
                assert_within_rate(&lane.sent, allowed, &format!("burst {burst}, seed {seed}"));
            }
        }
    }
}

/// Requests that need a new connection leave when that is made, together with those that have one.
#[test]
fn no_sliding_second_holds_more_than_the_rate_while_connections_are_made() {
    for allowed in RATES {
        for seed in 0..20 {
            let mut lane = Lane::new(seed);
            let mut limiter = Limiter::new(allowed.rate, 1, lane.now, None);
            let (mut sent, mut connecting) = (Vec::new(), Vec::new());
            while lane.now < Duration::from_secs(10) {
                let next = connecting.iter().min().copied();
                if let Some(made) = next.filter(|made| *made <= lane.now) {
                    connecting.retain(|other| *other != made);
                    sent.push(lane.now);
                    limiter.note(Connecting::Ended, lane.now);
                    continue;
                }
                match limiter.poll(lane.now) {
                    Ok(()) if lane.luck.random_bool(0.2) => {
                        limiter.note(Connecting::Begun, lane.now);
                        connecting
                            .push(lane.now + Duration::from_micros(lane.luck.random_range(1..3_000_000)));
                    }
                    Ok(()) => sent.push(lane.now),
                    Err(wait) => {
                        let made = next.map_or(wait, |made| wait.min(made - lane.now));
                        lane.sleep(made);
                    }
                }
                lane.now += Duration::from_micros(lane.luck.random_range(1..=20));
            }
            assert!(sent.len() > 1, "seed {seed}");
            assert_within_rate(&sent, allowed, &format!("seed {seed}"));
        }
    }
}

#[test]
fn nothing_is_granted_while_all_that_is_allowed_waits_for_connections() {
    let mut limiter = Limiter::new(2.0, 2, Duration::ZERO, None);
    for _ in 0..2 {
        assert_eq!(limiter.poll(Duration::ZERO), Ok(()));
        limiter.note(Connecting::Begun, Duration::ZERO);
    }
    let (later, made) = (Duration::from_secs(5), Duration::from_secs(6));
    assert!(limiter.poll(later).is_err());
    limiter.note(Connecting::Ended, made);
    assert!(limiter.poll(made).is_err(), "one has left, the other may at any time");
    limiter.note(Connecting::Ended, made);
    let window = Duration::from_secs(1) + GUARD;
    assert_eq!(limiter.poll(made), Err(window));
    assert_eq!(limiter.poll(made + window), Ok(()));
}

#[test]
fn at_least_99_percent_of_the_rate_is_used() {
    let seconds = 10;
    for rate in [50_u32, 500, 5_000] {
        for burst in BURSTS {
            for seed in 0..5 {
                let mut lane = Lane::new(seed);
                let mut limiter = Limiter::new(f64::from(rate), burst, lane.now, None);
                // The first second is left out: it would flatter the result by the calls that may leave at the start.
                lane.send_until(&mut limiter, Duration::from_secs(1 + seconds));
                let sent = lane.sent.iter().filter(|moment| **moment >= Duration::from_secs(1)).count();
                let used = sent as f64 / (f64::from(rate) * seconds as f64);
                assert!(used >= 0.99, "rate {rate}, burst {burst}, seed {seed}: {used:.4} of the rate");
            }
        }
    }
}

#[test]
fn a_whole_window_passes_after_a_restart_and_both_processes_together_keep_the_rate() {
    for allowed in RATES {
        for burst in BURSTS {
            let mut lane = Lane::new(7);
            let mut limiter = Limiter::new(allowed.rate, burst, lane.now, None);
            for restart in 1..=8 {
                lane.send_until(&mut limiter, Duration::from_millis(restart * 777));
                let last = *lane.sent.last().expect("the first request leaves at once");
                // The state knows the time of the last request in whole milliseconds.
                let ago = Duration::from_millis(
                    u64::try_from(lane.now.as_millis() - last.as_millis()).expect("a short run"),
                );
                limiter = Limiter::new(allowed.rate, burst, lane.now, Some(ago));
            }
            lane.send_until(&mut limiter, Duration::from_secs(10));
            assert_within_rate(&lane.sent, allowed, &format!("burst {burst}, restarted"));
        }
    }
}

#[test]
fn a_restart_long_after_the_last_request_waits_for_nothing() {
    let now = Duration::from_secs(3);
    assert_eq!(Limiter::new(10.0, 1, now, Some(Duration::from_secs(60))).poll(now), Ok(()));
    assert_eq!(Limiter::new(10.0, 1, now, None).poll(now), Ok(()));
    let wait = Duration::from_millis(400) + GUARD;
    assert_eq!(Limiter::new(10.0, 1, now, Some(Duration::from_millis(600))).poll(now), Err(wait));
}

#[test]
fn nothing_is_hoarded_while_the_lane_is_idle() {
    for (rate, burst, together) in [
        // At these rates a late wake-up is worth less than one request: the configured burst and no more.
        (10.0, 1, 1),
        (10.0, 4, 4),
        (50.0, 1, 1),
        // Ten milliseconds of lateness are worth 5 and 50 requests.
        (500.0, 1, 6),
        (5_000.0, 1, 51),
        (5_000.0, 100, 150),
        // A burst above the rate is bounded by the rate.
        (10.0, 1_000, 10),
    ] {
        let mut limiter = Limiter::new(rate, burst, Duration::ZERO, None);
        for now in [Duration::ZERO, Duration::from_secs(60)] {
            let granted = (0..2_000).take_while(|_| limiter.poll(now).is_ok()).count();
            assert_eq!(granted, together, "rate {rate}, burst {burst}, at {now:?}");
        }
    }
}

#[test]
fn requests_are_spread_over_the_second() {
    let mut lane = Lane::new(3);
    let mut limiter = Limiter::new(50.0, 1, lane.now, None);
    lane.send_until(&mut limiter, Duration::from_secs(5));
    assert!(
        most_within(&lane.sent, Duration::from_millis(100)) <= 7,
        "5 are even, 7 are a queue after a delay"
    );
    assert!(most_within(&lane.sent, Duration::from_millis(5)) <= 2);
}

#[test]
fn a_refused_poll_takes_nothing_from_the_budget() {
    let mut asked_often = Limiter::new(10.0, 1, Duration::ZERO, None);
    let mut asked_once = Limiter::new(10.0, 1, Duration::ZERO, None);
    assert_eq!((asked_often.poll(Duration::ZERO), asked_once.poll(Duration::ZERO)), (Ok(()), Ok(())));
    for micros in 1..10_000 {
        assert!(asked_often.poll(Duration::from_micros(micros)).is_err());
    }
    let later = Duration::from_millis(10);
    assert_eq!(asked_often.poll(later), asked_once.poll(later));
}

#[test]
fn a_rate_that_is_no_rate_sends_next_to_nothing_and_never_panics() {
    for rate in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-300] {
        let mut limiter = Limiter::new(rate, u32::MAX, Duration::ZERO, Some(Duration::MAX));
        assert_eq!(limiter.poll(Duration::ZERO), Ok(()), "{rate}");
        assert!(limiter.poll(Duration::from_secs(86_400)).is_err(), "{rate}");
    }
    for rate in [f64::INFINITY, 1e300] {
        let mut limiter = Limiter::new(rate, u32::MAX, Duration::ZERO, None);
        assert_eq!((0..200_000).take_while(|_| limiter.poll(Duration::ZERO).is_ok()).count(), 100_000);
    }
}

#[test]
fn the_budget_of_a_day_ends_and_comes_back_the_next_day() {
    let noon = Timestamp(86_400_000 / 2);
    let tomorrow = noon.after(Duration::from_secs(86_400));
    let mut budget = DayBudget::new(Some(3), 1, noon.day());
    assert_eq!([budget.take(noon), budget.take(noon), budget.take(noon)], [true, true, false]);
    assert!(budget.take(tomorrow));
    assert_eq!(budget, DayBudget::new(Some(3), 1, tomorrow.day()));
    // A clock that is set back does not give yesterday's budget again.
    assert_eq!([budget.take(noon), budget.take(noon), budget.take(noon)], [true, true, false]);
}

#[test]
fn what_a_day_has_spent_the_next_one_has_not() {
    let noon = Timestamp(86_400_000 / 2);
    let mut budget = DayBudget::new(Some(1), 0, noon.day());
    assert!(!budget.is_spent(noon) && budget.take(noon));
    assert!(budget.is_spent(noon) && !budget.is_spent(noon.after(Duration::from_secs(86_400))));
}

#[test]
fn a_request_that_did_not_leave_is_given_back_to_its_day() {
    let noon = Timestamp(86_400_000 / 2);
    let tomorrow = noon.after(Duration::from_secs(86_400));
    let mut budget = DayBudget::new(Some(1), 0, noon.day());
    assert!(budget.take(noon));
    budget.give_back(noon);
    assert_eq!([budget.take(noon), budget.take(noon)], [true, false]);
    assert!(budget.take(tomorrow));
    budget.give_back(noon);
    assert!(!budget.take(tomorrow));
}

#[test]
fn a_budget_without_a_limit_never_ends_and_one_of_nothing_never_begins() {
    let mut free = DayBudget::new(None, 0, 0);
    assert!((0..1_000).all(|_| free.take(Timestamp(0))));
    assert!(!DayBudget::new(Some(0), 0, 0).take(Timestamp(0)));
}
