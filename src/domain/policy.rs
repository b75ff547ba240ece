//! The operator's choices that decide what is sent: the words of the configuration for them.

use serde::{Deserialize, Serialize};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }
    };
}

choice! {
    /// What an update carries.
    Send {
        /// The whole object that holds a change.
        Objects,
        /// Changed fields alone.
        Changed,
        /// Every field.
        All,
    }
}

choice! {
    /// What is done for a customer whom the provider is not known to have.
    OnNew {
        /// A create.
        Create,
        /// An update: the account was made elsewhere.
        Update,
        /// Nothing.
        Skip,
    }
}

choice! {
    /// What is done with a value that became empty in the CRM.
    OnCleared {
        /// The provider keeps its value; it is counted.
        Ignore,
        /// An empty text is sent where the provider's contract allows one.
        SendEmpty,
        /// The customer is not sent to this provider; it is reported.
        Reject,
    }
}

choice! {
    /// What is done with a value that is not valid.
    OnInvalid {
        /// The field is left out and reported; the others go.
        SkipField,
        /// The customer is not sent to this provider; it is reported.
        RejectCustomer,
    }
}
