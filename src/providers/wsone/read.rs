//! The body of a `WsOne` answer with HTTP 200 → verdict. Anything that cannot be read is unknown, never success.

use serde_json::Value;

use crate::domain::provider::ProviderId;
use crate::domain::verdict::{AnswerCode, Remedy, Verdict};

use super::super::codes::{CodeTable, class_of};
use super::super::exchange::Answer;
use super::super::status::by_class;
use super::wire::{AnswerBody, SUCCESS};

pub(super) fn read(answer: &Answer, table: &CodeTable) -> Verdict {
    // The documents make the code a string: a bare 0 is not the success "000", nor is any number a refusal.
    let Some(AnswerBody { response_code: Value::String(code) }) = answer.json_object() else {
        return Verdict::Unknown { what: "unreadable_answer" };
    };
    if code == SUCCESS {
        return Verdict::Accepted;
    }
    // What is looked up is what is shown and can be classed. What would be the success then is none, and no refusal either.
    let code = AnswerCode::new(&code);
    if code.as_str().is_empty() || code.as_str() == SUCCESS {
        return Verdict::Unknown { what: "unreadable_answer" };
    }
    by_class(class_of(ProviderId::Wsone, code.as_str(), table), code, Remedy::None)
}
