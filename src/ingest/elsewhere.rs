//! What waits for providers that are switched off while an input is accepted: where the input says something else, it must not
//! leave once they are switched on again.

use std::sync::Arc;

use crate::diff;
use crate::domain::customer::Customer;
use crate::providers::Provider;
use crate::store::{Snapshot, StoreError, WaitingCall};

use super::Ingest;

/// Calls that wait for providers that are switched off, by customers.
pub(super) struct Elsewhere(Vec<WaitingCall>);

impl Elsewhere {
    pub(super) fn read(ingest: &Ingest<'_>, snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        Ok(Self(snapshot.waiting_elsewhere(&ingest.enabled())?))
    }

    /// Those of a customer that its record contradicts. What a provider without settings would be sent, nobody knows: where the
    /// record brings news to others, its call does not leave before that is known.
    pub(super) fn overtaken(
        &self,
        ingest: &Ingest<'_>,
        snapshot: &Snapshot<'_>,
        (number, customer): (i64, &Customer),
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
