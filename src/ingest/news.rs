//! What is new about customers who were known: counted for the guards against mass changes.

use crate::diff::Decision;
use crate::domain::account::Keeper;
use crate::domain::customer::Customer;
use crate::domain::field::Field;
use crate::domain::standing::Before;
use crate::domain::wire::{FieldCode, Projection, WireCell};
use crate::providers::Provider;

/// What is new about a customer beyond what the providers hold and what is on its way already.
#[derive(Default)]
pub(super) struct News {
    /// Whether there is a value that a provider does not have.
    pub(super) is_change: bool,
    /// The fields that changed or were cleared.
    pub(super) fields: Vec<Field>,
}

impl News {
    /// Takes in what is new for one provider.
    pub(super) fn take(
        &mut self,
        provider: &dyn Provider,
        customer: &Customer,
        projection: &Projection,
        before: &Before,
        decision: &Decision,
        keeper: &mut Keeper<'_>,
    ) {
        for &code in &decision.findings.changed {
            if is_news(projection, before, decision, code, keeper) {
                self.is_change = true;
                self.add(provider, customer, code);
            }
        }
        decision.findings.cleared.iter().for_each(|&code| self.add(provider, customer, code));
    }

    /// Of what a wire field is made of, the input can have changed only what it has.
    fn add(&mut self, provider: &dyn Provider, customer: &Customer, code: FieldCode) {
        let is_there = |field: &Field| customer.cell(*field).is_some();
        self.fields.extend(sources(provider, code).filter(is_there));
    }

    /// Several providers, and several fields of one, can be told the same.
    pub(super) fn name_each_field_once(&mut self) {
        self.fields.sort_unstable();
        self.fields.dedup();
    }
}

fn is_news(
    projection: &Projection,
    before: &Before,
    decision: &Decision,
    code: FieldCode,
    keeper: &mut Keeper<'_>,
) -> bool {
    let value = match projection.cells.get(&code) {
        Some(WireCell::Value(value)) => value.as_str(),
        Some(WireCell::Cleared | WireCell::Vacant) => "",
        Some(WireCell::Invalid | WireCell::NotTheirs) | None => return false,
    };
    let Some(key) = &decision.key else { return false };
    let on_its_way = before.standing.as_ref().is_some_and(|standing| {
        standing.payload.key == *key && standing.payload.values.get(code) == Some(value)
    });
    let held = before
        .account
        .as_ref()
        .filter(|account| account.known && account.key == *key)
        .and_then(|account| account.fields.get(&code))
        .is_some_and(|held| keeper.holds(held, code, value));
    !on_its_way && !held
}

/// The canonical fields that a wire field is made of.
pub(super) fn sources(provider: &dyn Provider, code: FieldCode) -> impl Iterator<Item = Field> + use<> {
    let subscription = code.subscription_id().map(Field::Subscription);
    let of_table = if subscription.is_none() { provider.field(code) } else { None };
    let of_table = of_table.map(|field| field.sources).unwrap_or_default();
    subscription.into_iter().chain(of_table.iter().copied())
}
