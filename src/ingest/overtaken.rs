//! What waits while an input is accepted that does not take its place, for a provider that is switched off or of a customer who is
//! not sent at all: where the input says something else, it must not leave.

use std::sync::Arc;

use crate::diff::{self, Decision};
use crate::domain::customer::{Customer, CustomerNumber};
use crate::domain::standing::Standing;
use crate::providers::Provider;
use crate::store::{Snapshot, StoreError, WaitingCall};

use super::Ingest;
use super::apply::{Apply, Turn};

/// Calls that wait for providers that are switched off, by customers.
pub(super) struct Elsewhere(Vec<WaitingCall>);

impl Elsewhere {
    pub(super) fn read(ingest: &Ingest<'_>, snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        Ok(Self(snapshot.waiting_elsewhere(&ingest.enabled())?))
    }

    /// Those of a customer that its record contradicts. Without a provider's settings nobody knows what it would get, so where the
    /// record brings news to others, its call waits until that is known.
    pub(super) fn overtaken(
        &self,
        ingest: &Ingest<'_>,
        snapshot: &Snapshot<'_>,
        (number, customer): (CustomerNumber, &Customer),
        news: bool,
    ) -> Result<Vec<WaitingCall>, StoreError> {
        let from = self.0.partition_point(|call| call.customer < number);
        let own = self.0[from..].iter().take_while(|call| call.customer == number);
        let mut overtaken = Vec::new();
        for call in own {
            let provider = ingest.idle.iter().find(|provider| provider.id() == call.provider);
            let standing =
                snapshot.standing(number, call.provider)?.filter(|standing| standing.id == call.id);
            let Some(standing) = standing else { continue };
            let contradicts = |provider: &Arc<dyn Provider>| {
                diff::is_overtaken(&standing.payload, &provider.project(customer))
            };
            if provider.map_or(news, contradicts) {
                overtaken.push(*call);
            }
        }
        Ok(overtaken)
    }
}

impl Apply<'_> {
    /// What waits for a provider that is switched off must not leave over what it misses now, when it is switched on.
    /// Whether its record brings `news` to the other providers is all that is known of what one without settings misses.
    pub(super) fn hold_overtaken(&mut self, turn: &Turn<'_>, news: bool) -> Result<(), StoreError> {
        // After a restore a stricter rule holds, see `hold_left_behind`.
        let Some(number) = turn.number.filter(|_| self.doubtful.is_none()) else { return Ok(()) };
        let of = (number, &turn.prepared.customer);
        for call in self.elsewhere.overtaken(self.ingest, &self.snapshot, of, news)? {
            if self.held.insert(call.id) {
                self.intake.map_or(Ok(()), |intake| intake.hold_overtaken(call.id))?;
                self.count_held(call.provider);
            }
        }
        Ok(())
    }

    /// What an earlier record left queued does not leave over a newer one of which nothing is sent.
    pub(super) fn hold_recalled(
        &mut self,
        turn: &Turn<'_>,
        position: usize,
        standing: &Standing,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        let is_recalled = diff::is_recalled(standing, &turn.projections[position], decision);
        if is_recalled && self.held.insert(standing.id) {
            self.intake.map_or(Ok(()), |intake| intake.hold_overtaken(standing.id))?;
            self.count_held(self.ingest.providers[position].id());
        }
        Ok(())
    }
}
