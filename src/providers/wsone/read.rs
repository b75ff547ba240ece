//! The body of a `WsOne` answer with HTTP 200 → verdict. Anything that cannot be read is unknown, never success.

use serde_json::Value;

use crate::domain::provider::ProviderId;
use crate::domain::verdict::{AnswerCode, Remedy, Verdict};

use super::super::codes::{CodeTable, class_in_body, shown_in_body};
use super::super::exchange::Answer;
use super::super::status::by_class;
use super::wire::{AnswerBody, SUCCESS};

pub(super) fn read(answer: &Answer, table: &CodeTable) -> Verdict {
    let code = match answer.json_object() {
        Some(AnswerBody { response_code: Value::String(code) }) => code,
        // The documents make the code a string. A number is a refusal by that code, but a bare 0 is neither the success "000"
        // nor a refusal.
        Some(AnswerBody { response_code: Value::Number(code) })
            if code.as_u64().is_some_and(|code| code > 0) =>
        {
            code.to_string()
        }
        Some(_) | None => return Verdict::Unknown { what: "unreadable_answer" },
    };
    if code == SUCCESS {
        return Verdict::Accepted;
    }
    // What would be the success, if it were shown, is none, and no refusal either.
    let visible = AnswerCode::visible(&code);
    if visible.is_empty() || visible == SUCCESS {
        return Verdict::Unknown { what: "unreadable_answer" };
    }
    // What only looks like a code when characters are dropped proves nothing that the code would prove.
    by_class(class_in_body(ProviderId::Wsone, code.trim(), table), shown_in_body(&code), Remedy::None)
}
