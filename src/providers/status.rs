//! The rules that HTTP statuses follow at every provider, before and after a provider's own reader has its say.

use crate::domain::call::Operation;
use crate::domain::verdict::{AnswerCode, CodeClass, Remedy, Verdict};
use crate::domain::wire::ProviderKey;

use super::Provider;
use super::exchange::Answer;
use super::transport::SendError;

/// What happened to a request: its answer, or its absence, in the words of the life of a call.
///
/// Only HTTP 200 reaches the provider's reader. A status that nobody has documented (other 3xx and 4xx) stops the lane
/// as a contract error, unless the operator has classed `http_<status>` in the provider's code table.
#[must_use]
pub fn verdict_of(
    provider: &dyn Provider,
    operation: Operation,
    key: &ProviderKey,
    outcome: Result<Answer, SendError>,
) -> Verdict {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(SendError::NotSent { what }) => return Verdict::NotSent { what },
        Err(SendError::Unknown { what }) => return Verdict::Unknown { what },
    };
    match answer.status {
        200 => provider.read(operation, key, &answer),
        429 => Verdict::Throttled { retry_after: answer.retry_after },
        503 if answer.retry_after.is_some() => Verdict::Throttled { retry_after: answer.retry_after },
        401 | 403 => Verdict::Denied { code: status_code(answer.status), by_body: false },
        408 => Verdict::Unknown { what: "http_408" },
        500 => Verdict::Unknown { what: "http_500" },
        502 => Verdict::Unknown { what: "http_502" },
        503 => Verdict::Unknown { what: "http_503" },
        504 => Verdict::Unknown { what: "http_504" },
        501 | 505..=599 => Verdict::Unknown { what: "http_5xx" },
        300..=499 => undocumented(provider, answer.status),
        _ => Verdict::Unknown { what: "unexpected_status" },
    }
}

/// The verdict for a code of that class; a denial by code comes from a body.
pub(super) fn by_class(class: CodeClass, code: AnswerCode, remedy: Remedy) -> Verdict {
    match class {
        CodeClass::Refused => Verdict::Refused { code, remedy },
        CodeClass::Transient => Verdict::Transient { code },
        CodeClass::Denied => Verdict::Denied { code, by_body: true },
        CodeClass::Exists => Verdict::Exists { code },
        CodeClass::Missing => Verdict::Missing { code },
    }
}

fn undocumented(provider: &dyn Provider, status: u16) -> Verdict {
    let code = status_code(status);
    match provider.code_table().get(code.as_str()) {
        // A status speaks for the whole lane, never for one value.
        Some(CodeClass::Denied) => Verdict::Denied { code, by_body: false },
        Some(class) => by_class(*class, code, Remedy::None),
        None => Verdict::Contract { code, perhaps_applied: may_follow_success(status) },
    }
}

/// Whether the status is what a request that was done can be answered with: the way to its result (303, RFC 9110, 15.4.4),
/// or what its second arrival meets (409). Every other one says that nothing was made of the request.
pub(super) fn may_follow_success(status: u16) -> bool {
    matches!(status, 303 | 409)
}

fn status_code(status: u16) -> AnswerCode {
    AnswerCode::new(&format!("http_{status}"))
}
