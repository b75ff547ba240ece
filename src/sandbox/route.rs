//! Which simulated operation a path means: pure, and the only place that knows the providers' addresses.
//!
//! WsOne and Safedebit paths are compared as written; Lemonway's run on IIS, which ignores case.

use serde::{Deserialize, Serialize};

use crate::domain::provider::ProviderId;

/// One simulated operation, named as the provider names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// WsOne: changes a person.
    #[serde(rename = "updatePerson")]
    UpdatePerson,
    /// WsOne: makes a person, each time it is called.
    #[serde(rename = "createPerson")]
    CreatePerson,
    /// WsOne: reads a person.
    #[serde(rename = "getPerson")]
    GetPerson,
    /// Lemonway: changes a wallet.
    UpdateWalletDetails,
    /// Lemonway: reads a wallet.
    GetWalletDetails,
    /// Lemonway: makes a wallet.
    RegisterWallet,
    /// Safedebit: changes a consumer.
    #[serde(rename = "edit_consumer")]
    EditConsumer,
}

impl Operation {
    /// The name on the wire, in scenarios and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::UpdatePerson => "updatePerson",
            Self::CreatePerson => "createPerson",
            Self::GetPerson => "getPerson",
            Self::UpdateWalletDetails => "UpdateWalletDetails",
            Self::GetWalletDetails => "GetWalletDetails",
            Self::RegisterWallet => "RegisterWallet",
            Self::EditConsumer => "edit_consumer",
        }
    }

    /// The provider that offers it.
    pub fn provider(self) -> ProviderId {
        match self {
            Self::UpdatePerson | Self::CreatePerson | Self::GetPerson => ProviderId::Wsone,
            Self::UpdateWalletDetails | Self::GetWalletDetails | Self::RegisterWallet => ProviderId::Lemonway,
            Self::EditConsumer => ProviderId::Safedebit,
        }
    }
}

/// The language spoken at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Plain JSON: WsOne and Safedebit.
    Json,
    /// Lemonway's `directkitjson2`: `{"p": …}` in, `{"d": …}` out.
    Json2,
    /// Lemonway's `directkitjson`: bare in, bare out.
    BareJson,
    /// Lemonway's `directkitxml`: SOAP 1.1 in the namespace `Service_mb_xml`.
    SoapXml,
    /// Lemonway's `directkit`: SOAP 1.1 in the namespace `Service_mb`.
    Soap,
}

/// What a request is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) operation: Operation,
    pub(super) dialect: Dialect,
}

impl Target {
    pub(super) fn provider(self) -> ProviderId {
        self.operation.provider()
    }
}

/// The operation at `path`, with or without the providers' own prefixes (`/mb/<brand>/<stage>`, `/ssp`).
pub(super) fn find(path: &str) -> Option<Target> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    wsone(&segments).or_else(|| safedebit(&segments)).or_else(|| lemonway(&segments))
}

fn wsone(segments: &[&str]) -> Option<Target> {
    let ["rest", "2.0", "personWebService", method] = segments else { return None };
    let operation = match *method {
        "updatePerson" => Operation::UpdatePerson,
        "createPerson" => Operation::CreatePerson,
        "getPerson" => Operation::GetPerson,
        _ => return None,
    };
    Some(Target { operation, dialect: Dialect::Json })
}

fn safedebit(segments: &[&str]) -> Option<Target> {
    match segments {
        ["edit_consumer"] | [_, "edit_consumer"] => {
            Some(Target { operation: Operation::EditConsumer, dialect: Dialect::Json })
        }
        _ => None,
    }
}

fn lemonway(segments: &[&str]) -> Option<Target> {
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    let rest = match words.as_slice() {
        ["mb", _, _, rest @ ..] => rest,
        rest => rest,
    };
    let (dialect, operation) = match rest {
        ["directkitjson2", "service.asmx", method] => (Dialect::Json2, wallet_method(method)?),
        ["directkitjson", "service.asmx", "updatewalletdetails"] => {
            (Dialect::BareJson, Operation::UpdateWalletDetails)
        }
        ["directkitxml", "service.asmx"] => (Dialect::SoapXml, Operation::UpdateWalletDetails),
        ["directkit", "service.asmx"] => (Dialect::Soap, Operation::UpdateWalletDetails),
        _ => return None,
    };
    Some(Target { operation, dialect })
}

fn wallet_method(lower_case_name: &str) -> Option<Operation> {
    [Operation::UpdateWalletDetails, Operation::GetWalletDetails, Operation::RegisterWallet]
        .into_iter()
        .find(|operation| operation.name().eq_ignore_ascii_case(lower_case_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_documents_lead_to_their_operations() {
        let cases = [
            ("/rest/2.0/personWebService/updatePerson", Operation::UpdatePerson, Dialect::Json),
            ("/rest/2.0/personWebService/createPerson", Operation::CreatePerson, Dialect::Json),
            ("/rest/2.0/personWebService/getPerson", Operation::GetPerson, Dialect::Json),
            ("/ssp/edit_consumer", Operation::EditConsumer, Dialect::Json),
            ("/edit_consumer", Operation::EditConsumer, Dialect::Json),
            (
                "/mb/demo/dev/directkitjson2/Service.asmx/UpdateWalletDetails",
                Operation::UpdateWalletDetails,
                Dialect::Json2,
            ),
            (
                "/mb/demo/dev/DirectKitJson2/service.asmx/getwalletdetails",
                Operation::GetWalletDetails,
                Dialect::Json2,
            ),
            ("/directkitjson2/Service.asmx/RegisterWallet", Operation::RegisterWallet, Dialect::Json2),
            (
                "/mb/a/b/directkitjson/service.asmx/UpdateWalletDetails",
                Operation::UpdateWalletDetails,
                Dialect::BareJson,
            ),
            ("/mb/a/b/directkitxml/service.asmx", Operation::UpdateWalletDetails, Dialect::SoapXml),
            ("/directkit/Service.asmx", Operation::UpdateWalletDetails, Dialect::Soap),
        ];
        for (path, operation, dialect) in cases {
            assert_eq!(find(path), Some(Target { operation, dialect }), "{path}");
        }
    }

    #[test]
    fn paths_that_are_nearly_right_lead_nowhere() {
        for path in [
            "",
            "/",
            "/rest/2.0/personwebservice/updatePerson",
            "/rest/2.0/personWebService/updatePerson/",
            "/rest/2.0/personWebService/searchPerson",
            "/a/b/edit_consumer",
            "/mb/demo/directkitjson2/Service.asmx/UpdateWalletDetails",
            "/directkitxml/service.asmx/UpdateWalletDetails",
            "/directkitjson/service.asmx/RegisterWallet",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
