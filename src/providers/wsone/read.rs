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
    // What would be the success, if it were shown, is none, and no refusal either.
    let shown = AnswerCode::new(&code);
    if shown.as_str().is_empty() || shown.as_str() == SUCCESS {
        return Verdict::Unknown { what: "unreadable_answer" };
    }
    // What only looks like a code when characters are dropped proves nothing that the code would prove.
    by_class(class_of(ProviderId::Wsone, code.trim(), table), shown, Remedy::None)
}
