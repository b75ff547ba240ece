//! Batches that go from the thread that has the state to all processors and come back in their order.
//!
//! The thread with the state brings them up and takes them back; each batch is worked on by one of the others from its
//! beginning to its end, so that nobody waits for the slowest part of a batch.

use std::collections::VecDeque;
use std::sync::mpsc;

use super::IngestError;

/// How many batches are brought up, worked on or ready to be taken back, for each processor: nobody waits when a batch takes
/// longer than others.
const BATCHES_AHEAD: usize = 3;
/// And never more than these, since what is made of all of them is in memory: the thread that has the state cannot keep more
/// processors busy.
const BATCHES_AHEAD_MAX: usize = 16;

/// Brings batches up while there are any, has them worked on, and takes them back in their order. The first error of
/// whoever brings, works or takes ends it.
pub(super) fn relay<S, A: Send, B: Send>(
    mut holder: S,
    mut bring: impl FnMut(&mut S) -> Result<Option<A>, IngestError>,
    work: impl Fn(A) -> Result<B, IngestError> + Sync,
    mut take: impl FnMut(&mut S, B) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let (work, ahead_max) = (&work, ahead_max());
    rayon::in_place_scope(|scope| {
        let mut ahead = VecDeque::with_capacity(ahead_max);
        loop {
            while ahead.len() < ahead_max
                && let Some(batch) = bring(&mut holder)?
            {
                let (done, worked) = mpsc::sync_channel(1);
                // Nobody takes it back after an error.
                scope.spawn(move |_| drop(done.send(work(batch))));
                ahead.push_back(worked);
            }
            let Some(next) = ahead.pop_front() else { return Ok(()) };
            take(&mut holder, next.recv().expect("each batch that goes there comes back")?)?;
        }
    })
}

fn ahead_max() -> usize {
    (BATCHES_AHEAD * rayon::current_num_threads()).min(BATCHES_AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty batches, of which one fails here or there; gives those that were taken back.
    fn relayed(fails_at: [Option<usize>; 3]) -> (Vec<usize>, bool) {
        let [bring, work, take] = fails_at;
        let or_fail = |batch: usize, at: Option<usize>| {
            let failure = IngestError::TooMany { what: "batches", max: 20 };
            if Some(batch) == at { Err(failure) } else { Ok(batch) }
        };
        let (mut next, mut taken) = (0, Vec::new());
        let brings = |taken: &mut &mut Vec<usize>| {
            assert!(next < taken.len() + ahead_max());
            next += 1;
            if next > 20 { Ok(None) } else { or_fail(next, bring).map(Some) }
        };
        let ended = relay(
            &mut taken,
            brings,
            |batch| or_fail(batch, work),
            |taken, batch| {
                taken.push(or_fail(batch, take)?);
                Ok(())
            },
        );
        (taken, ended.is_ok())
    }

    #[test]
    fn batches_come_back_in_their_order_up_to_the_first_error() {
        assert_eq!(relayed([None; 3]), ((1..=20).collect(), true));
        assert_eq!(relayed([None, Some(7), None]), ((1..=6).collect(), false));
        assert_eq!(relayed([None, None, Some(20)]), ((1..=19).collect(), false));
        let (taken, ended) = relayed([Some(9), None, None]);
        let not_brought_before = 9_usize.saturating_sub(ahead_max());
        assert!(!ended && (not_brought_before..9).contains(&taken.len()), "{taken:?}");
    }

    #[test]
    fn a_batch_that_takes_longer_than_the_next_one_still_comes_back_first() {
        let (second_is_done, wait) = mpsc::sync_channel(1);
        let wait = std::sync::Mutex::new(wait);
        let work = |batch| {
            match batch {
                1 => wait.lock().unwrap().recv().unwrap(),
                2 => second_is_done.send(()).unwrap(),
                _ => {}
            }
            Ok(batch)
        };
        // One of the three is the thread that has the state.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let (mut next, mut taken) = (0, Vec::new());
        let bring = |_: &mut &mut Vec<u32>| {
            next += 1;
            Ok((next <= 9).then_some(next))
        };
        let take = |taken: &mut &mut Vec<u32>, batch| {
            taken.push(batch);
            Ok(())
        };
        pool.install(|| relay(&mut taken, bring, work, take)).unwrap();
        assert_eq!(taken, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
