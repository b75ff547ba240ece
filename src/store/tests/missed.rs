//! Inputs that a provider does not get while it is switched off.

use super::*;

#[test]
fn a_provider_misses_nothing_of_an_input_that_changes_nothing() {
    let mut world = World::new();
    let notes = [(&ProviderId::ALL[..], false, false), (&[], false, false), (&[], true, true)];
    for (enabled, changes, misses) in notes {
        let intake = world.store.intake(world.run, world.now).expect("begun");
        intake.note_inputs(enabled, true, changes).expect("noted");
        intake.commit().expect("accepted");
        let since = world.store.misses_inputs_since(WSONE).expect("readable");
        assert_eq!(since.is_some(), misses, "{enabled:?}");
    }
}
