//! What can happen to a call, from its lease to what a person decides.

/// Something that happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The dispatcher takes it; committed before a byte leaves.
    Leased,
    /// The provider's definite success was read.
    Accepted,
    /// The remedy worked: a part was accepted, the rest stays refused.
    AcceptedInPart,
    /// The provider asked to wait.
    Throttled,
    /// Connect, DNS or TLS failed, or a transient code.
    NotApplied {
        /// The provider is to blame, and the try does not count.
        spares_try: bool,
    },
    /// It may have been applied.
    OutcomeUnknown,
    /// It may have been applied, in a run in which its lane has had no acknowledgement: that tells of the provider, not
    /// of the call.
    UnknownInOutage,
    /// The program died while it was in flight.
    Crashed,
    /// Refused for good, as it is.
    Refused,
    /// Refused after an earlier unknown outcome, by a code that its own success can cause.
    RefusedAfterUnknown,
    /// Refused, and it is to be sent once more after the others of its lane.
    RefusedForNow,
    /// Refused, and a part of it is to be sent by itself.
    RefusedAsWhole,
    /// A create was refused because the person exists.
    Exists,
    /// The person is not there.
    Missing,
    /// A status, or an answer against the contract, stops the lane.
    LaneStopped,
    /// A body code claims a denial while the lane works.
    DeniedByCode,
    /// The run stopped before its bytes left.
    Interrupted,
    /// The tries of this run are used up.
    AttemptsUsedUp,
    /// A newer value of its customer takes its place.
    NewerValue,
    /// Nobody is to be created any more: whom it was to create is updated.
    NotToBeCreated,
    /// The provider holds, or is known to hold, all of it.
    NothingLeft,
    /// Another customer turned out to have the same key at the provider.
    KeyDisputed,
    /// The CRM has given the account it goes to to another customer, and its own customer another one, or none.
    GivenAway,
    /// It was queued before the state was put back from a backup, and the complete input since then does not say it too.
    LeftBehind,
    /// The record of its customer contradicts it, and nothing took its place: its provider is switched off, or the customer is
    /// not sent at all.
    Overtaken,
    /// The record of its customer says all of it now, or something newer in its place, which can be sent.
    DecidedAnew,
    /// The state was put back from a backup: what the call did since then is not known.
    Restored,
    /// A person queues it again.
    Released,
    /// A person found out that it was applied.
    ResolvedApplied,
    /// A person found out that it was applied, but its values were replaced since: the newest ones still have to go.
    ResolvedAppliedOlder,
    /// A person found out that the part was applied that a remedy had sent; the rest stays refused.
    ResolvedAppliedInPart,
    /// A person found out that it was not applied.
    ResolvedNotApplied,
    /// A person gives it up.
    Abandoned,
    /// Its customer is erased.
    Forgotten,
}
