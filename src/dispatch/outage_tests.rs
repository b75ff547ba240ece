//! Lanes of a provider that is down: what they lease meanwhile, and what brings them back.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::breaker::FAILURES_TO_OPEN;
use super::tests::{Fragile, UNBUILDABLE, dispatch_to, filled, opened, provider_at};
use super::*;
use crate::domain::event::Event;
use crate::domain::provider::ProviderId::Safedebit;
use crate::domain::verdict::Verdict;
use crate::store::LaneUse;

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("ref{number}")).collect()
}

/// A breaker that lets one call through, to find out whether the provider is back.
fn half_open(clock: &RunClock) -> Breaker {
    let (mut breaker, now) = (Breaker::new(Duration::from_mins(1)), clock.elapsed());
    let silent = Verdict::NotSent { what: "connect" };
    (0..FAILURES_TO_OPEN).for_each(|_| breaker.on_answer(now, now, &silent));
    breaker.try_pass(now + breaker::PAUSE_MIN);
    breaker.return_trial(now);
    breaker
}

/// A lane that is cut short when the first request of its half-open breaker comes: what the next run finds in flight.
fn in_flight_at_the_trial(keys: &[&str]) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let keys: Vec<_> = keys.iter().map(|key| (Safedebit, *key)).collect();
    let (store, run) = filled(&folder, &keys);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let provider = provider_at(port, Safedebit, "concurrency = 4");
    let provider: Arc<dyn Provider> = Arc::new(Fragile { provider, falls_in_lane: false, cuts: None });
    let dispatch = dispatch_to(vec![Arc::clone(&provider)]);
    let (orders, subscribed) = watch::channel(Order::Go);
    let server = std::thread::spawn(move || {
        let request = listener.accept().expect("a request");
        orders.send_replace(Order::Abort);
        (request, orders)
    });
    let (writer, checkpoint, mut records) =
        Writer::start(store, run, dispatch.clock.clone(), [Safedebit]).expect("started");
    let ways = (checkpoint, records.remove(&Safedebit).expect("a way back"));
    let past = Past {
        closed: None,
        settles: Duration::ZERO,
        day: DayBudget::resumed(None, &LaneUse::default(), Timestamp(1)),
        total: 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let end = runtime.block_on(async {
        let turns = (subscribed, &Arc::new(Semaphore::new(1)));
        let lane = lane_of(&dispatch, &provider, past, ways, &CallBudget::new(None), turns);
        let breaker = half_open(&dispatch.clock);
        Lane { breaker, ..lane.expect("a lane") }.run().await
    });
    assert_eq!((end.stop, end.tally.requests), (Some(StopReason::Interrupted), 1));
    drop((runtime, server.join().expect("served")));
    drop(writer.finish().expect("the state"));
    let (mut store, run) = opened(&folder, "second");
    recover(&mut store, &[provider], run, &dispatch.clock).expect("recovered").in_flight
}

/// What is leased counts as sent after a crash.
#[test]
fn a_lane_that_asks_whether_its_provider_is_back_leases_one_call() {
    assert_eq!(in_flight_at_the_trial(&["ref1", "ref2", "ref3", "ref4"]), 1);
}

/// It would be asked for ever by a call that never leaves.
#[test]
fn the_trial_of_a_call_that_cannot_be_built_is_the_next_ones() {
    assert_eq!(in_flight_at_the_trial(&[UNBUILDABLE, "ref1"]), 1);
}

/// One connection is taken and answered late, and then nobody listens any more.
fn answer_once(listener: TcpListener, late: &std::sync::mpsc::Receiver<Vec<Event>>) {
    let (mut connection, _) = listener.accept().expect("a request");
    drop(listener);
    let failed = |event: &Event| matches!(event, Event::Call { .. });
    let mut failures = 0;
    while failures < FAILURES_TO_OPEN as usize {
        failures += late.recv().expect("the lane goes on").iter().filter(|event| failed(event)).count();
    }
    let mut request = [0; 64];
    connection.read_exact(&mut request).expect("a request");
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"result\":true}";
    connection.write_all(answer.as_bytes()).expect("taken");
    // Read to its end, so that the answer is not cut off.
    connection.shutdown(std::net::Shutdown::Write).expect("open");
    drop(connection.read_to_end(&mut Vec::new()));
}

/// Whoever has waited for long enough still waits for what is on its way.
#[test]
fn an_answer_that_was_on_its_way_revokes_that_the_provider_was_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = keys(30);
    let keys: Vec<_> = keys.iter().map(|key| (Safedebit, key.as_str())).collect();
    let (store, run) = filled(&folder, &keys);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let mut dispatch = dispatch_to(vec![provider_at(port, Safedebit, "concurrency = 2")]);
    dispatch.outage_patience = Duration::ZERO;
    let (events, late) = std::sync::mpsc::channel();
    dispatch.events = Events::to(events);
    let server = std::thread::spawn(move || answer_once(listener, &late));
    let (_, dispatched) = super::run(store, run, &dispatch, &mut Signals::silence()).expect("tried");
    server.join().expect("served");
    let lane = &dispatched.lanes[&Safedebit];
    assert_eq!((lane.stop, lane.tally.acknowledged.update), (Some(StopReason::Unavailable), 1));
    let once_more = u64::from(FAILURES_TO_OPEN);
    assert!(lane.tally.requests > 2 * once_more, "{}", lane.tally.requests);
}
