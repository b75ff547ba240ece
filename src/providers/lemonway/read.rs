//! The body of a Lemonway answer with HTTP 200 → verdict. Success needs the absence of an error **and** the wallet that
//! was sent; anything that cannot be read is unknown.

use serde_json::Value;

use crate::domain::provider::ProviderId;
use crate::domain::verdict::{AnswerCode, CodeClass, Remedy, Verdict};
use crate::domain::wire::ProviderKey;

use super::super::codes::{CodeTable, class_in_body, shown_in_body};
use super::super::exchange::Answer;
use super::super::status::by_class;
use super::settings::Protocol;
use super::wire::{Claim, Envelope, JsonAnswer};
use super::{fields, xml};

/// Codes that can come although the change was applied.
const OUTCOME_UNKNOWN: [(&str, &str); 2] = [("288", "code_288"), ("297", "code_297")];
/// E-mail address used by another wallet.
const EMAIL_IN_USE: &str = "204";
/// The status of the wallet forbids the change.
const WALLET_STATUS: &str = "146";

pub(super) fn read(protocol: Protocol, answer: &Answer, key: &ProviderKey, table: &CodeTable) -> Verdict {
    let claim = match protocol.endpoint().envelope {
        Envelope::Json(_) => json_claim(answer),
        Envelope::Soap { .. } => answer.text().and_then(|text| xml::claim(&text)),
    };
    match claim {
        None => Verdict::Unknown { what: "unreadable_answer" },
        Some(Claim { failed: true, code: Some(code), .. }) if !AnswerCode::new(&code).as_str().is_empty() => {
            failure(&code, table)
        }
        Some(Claim { failed: true, .. }) => Verdict::Unknown { what: "error_without_code" },
        Some(Claim { wallet: Some(wallet), .. }) if wallet == key.0.trim() => Verdict::Accepted,
        Some(Claim { .. }) => Verdict::Unknown { what: "answer_for_another_wallet" },
    }
}

fn failure(code: &str, table: &CodeTable) -> Verdict {
    let unknown = OUTCOME_UNKNOWN.iter().find(|(name, _)| *name == code);
    if let Some((_, what)) = unknown
        && !table.contains_key(code)
    {
        return Verdict::Unknown { what };
    }
    let remedy = match code {
        EMAIL_IN_USE => Remedy::OnceMoreLast,
        WALLET_STATUS => Remedy::OnlyFields(fields::VERIFIED_WALLET),
        _ => Remedy::None,
    };
    let class: CodeClass = class_in_body(ProviderId::Lemonway, code, table);
    by_class(class, shown_in_body(code), remedy)
}

/// What a JSON answer says, bare or inside `d`; `None` when it is neither.
fn json_claim(answer: &Answer) -> Option<Claim> {
    let answer: JsonAnswer = answer.json_object()?;
    if !answer.exception_type.is_null() {
        return None;
    }
    let (wallet, error) = match answer.d {
        Value::Null => (answer.wallet, answer.error),
        Value::Object(mut inner) => {
            let error = inner.remove("E").filter(|error| !error.is_null()).unwrap_or(answer.error);
            (inner.remove("WALLET").unwrap_or_default(), error)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
    };
    // It does not belong into the wallet; where it stands there all the same it counts.
    let error = if error.is_null() { wallet.get("E").cloned().unwrap_or_default() } else { error };
    let failed = !error.is_null();
    let claim =
        Claim { failed, code: error.get("Code").and_then(word), wallet: wallet.get("ID").and_then(word) };
    (failed || claim.wallet.is_some()).then_some(claim)
}

/// A string or a number as text: codes are documented as numbers and arrive as strings.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
