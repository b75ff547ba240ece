//! The shapes and names of Lemonway's bodies, which are the same in JSON and XML.

use serde::Deserialize;
use serde_json::Value;

use super::settings::Protocol;

pub(super) const METHOD: &str = "UpdateWalletDetails";

/// Where a protocol lives and how it wraps a request.
pub(super) struct Endpoint {
    /// The path after the base URL.
    pub(super) path: &'static str,
    /// What the request is wrapped in.
    pub(super) envelope: Envelope,
}

/// What a request is wrapped in.
pub(super) enum Envelope {
    /// A JSON object, inside another one under that name.
    Json(Option<&'static str>),
    /// SOAP 1.1 in that namespace.
    Soap { namespace: &'static str, action: &'static str },
}

impl Protocol {
    pub(super) fn endpoint(self) -> Endpoint {
        match self {
            Self::DirectKitJson2 => Endpoint {
                path: "directkitjson2/Service.asmx/UpdateWalletDetails",
                envelope: Envelope::Json(Some("p")),
            },
            Self::DirectKitJson => Endpoint {
                path: "directkitjson/service.asmx/UpdateWalletDetails",
                envelope: Envelope::Json(None),
            },
            Self::DirectKitXml => Endpoint {
                path: "directkitxml/service.asmx",
                envelope: Envelope::Soap {
                    namespace: "Service_mb_xml",
                    action: "\"Service_mb_xml/UpdateWalletDetails\"",
                },
            },
            Self::DirectKit => Endpoint {
                path: "directkit/service.asmx",
                envelope: Envelope::Soap {
                    namespace: "Service_mb",
                    action: "\"Service_mb/UpdateWalletDetails\"",
                },
            },
        }
    }
}

/// The envelope of a JSON answer: the result itself, or inside `d`.
#[derive(Deserialize)]
pub(super) struct JsonAnswer {
    #[serde(default)]
    pub(super) d: Value,
    #[serde(default, rename = "WALLET")]
    pub(super) wallet: Value,
    #[serde(default, rename = "E")]
    pub(super) error: Value,
    /// The service itself failed.
    #[serde(default, rename = "ExceptionType")]
    pub(super) exception_type: Value,
}

/// What an answer says, in whatever protocol.
pub(super) struct Claim {
    /// Whether there is an error object.
    pub(super) failed: bool,
    /// Its code, if it has a readable one.
    pub(super) code: Option<String>,
    /// The identifier of the wallet that was updated.
    pub(super) wallet: Option<String>,
}
