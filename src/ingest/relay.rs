//! Two threads that hand batches to each other, a few of them in between, so that neither waits when a batch takes one of
//! them longer.
//!
//! One has the state: it brings batches up and takes them back. The other one works on them, with all processors.

use std::sync::mpsc;

use super::IngestError;

/// So many batches are brought up, worked on or ready to be taken back.
const BATCHES_AHEAD: usize = 4;

/// Brings batches up while there are any, has them worked on, and takes them back in their order. The first error of
/// whoever brings, works or takes ends it.
pub(super) fn relay<S, A: Send, B: Send>(
    mut holder: S,
    mut bring: impl FnMut(&mut S) -> Result<Option<A>, IngestError>,
    mut work: impl FnMut(A) -> Result<B, IngestError> + Send,
    mut take: impl FnMut(&mut S, B) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    std::thread::scope(|scope| {
        let (brought, batches) = mpsc::sync_channel(BATCHES_AHEAD);
        let (worked, done) = mpsc::sync_channel(BATCHES_AHEAD);
        scope.spawn(move || {
            // Whoever gives up, gives up the channel.
            for batch in batches {
                if worked.send(work(batch)).is_err() {
                    break;
                }
            }
        });
        let mut ahead = 0;
        loop {
            while ahead < BATCHES_AHEAD
                && let Some(batch) = bring(&mut holder)?
            {
                brought.send(batch).expect("batches are worked on until there are no more");
                ahead += 1;
            }
            if ahead == 0 {
                return Ok(());
            }
            let batch = done.recv().expect("each batch that goes there comes back");
            take(&mut holder, batch?)?;
            ahead -= 1;
        }
    })
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
            assert!(next < taken.len() + BATCHES_AHEAD);
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
        assert!(!ended && (4..9).contains(&taken.len()), "{taken:?}");
    }
}
