//! Providers that are somewhere else than when the state was last worked with: perhaps another system, which holds nothing of
//! what the state says was delivered.

use crate::cli::config::Config;
use crate::domain::provider::ProviderId;
use crate::store::{Store, StoreError};

const HTTPS: &str = "https://";
/// A simulator or a tunnel, whose port says nothing.
const ON_THIS_MACHINE: &str = "a place on this machine";

/// Those that are switched on, and where they are.
fn addresses(config: &Config) -> Vec<(ProviderId, &str)> {
    let common = |id: ProviderId| Some((id, &*config.providers.common(id)?.base_url));
    let enabled = config.providers.enabled().into_iter().filter_map(common);
    enabled.map(|(id, address)| (id, place_of(address.trim_end_matches('/')))).collect()
}

/// Where an address leads to. Without TLS nobody is anywhere else.
fn place_of(address: &str) -> &str {
    let is_https = address.get(..HTTPS.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(HTTPS));
    if is_https { address } else { ON_THIS_MACHINE }
}

/// What has to be said of those that are, or were in between, elsewhere than before, each in a sentence: until a person has
/// decided, since what was delivered at one of the places is missing at the others.
pub(super) fn moved(config: &Config, store: &Store) -> Result<Vec<(ProviderId, String)>, StoreError> {
    let mut told = Vec::new();
    for (id, address) in addresses(config) {
        let places = store.addresses_of(id)?;
        let elsewhere: Vec<&str> =
            places.iter().map(String::as_str).filter(|place| *place != address).collect();
        if !elsewhere.is_empty() {
            let sentence = format!(
                "{id} was at {} and is at {address}: if that is another system, which has got nothing yet, give it a state \
                 of its own (state.path), or send it everything with `crmsync sync FILE --full-resync --allow-mass-change`; if it \
                 is the same one, `crmsync doctor --same-providers` says so",
                elsewhere.join(" and ")
            );
            told.push((id, sentence));
        }
    }
    Ok(told)
}

/// Notes that they are worked with where they are now, beside where they were.
pub(super) fn note(config: &Config, store: &mut Store) -> Result<(), StoreError> {
    for (id, address) in addresses(config) {
        let mut places = store.addresses_of(id)?;
        if !places.iter().any(|place| place == address) {
            places.push(address.to_owned());
            store.note_addresses(id, &places)?;
        }
    }
    Ok(())
}

/// Notes that they have, where they are now, what the state says that they have.
pub(super) fn accept(config: &Config, store: &mut Store) -> Result<(), StoreError> {
    addresses(config)
        .into_iter()
        .try_for_each(|(id, address)| store.note_addresses(id, &[address.to_owned()]))
}
