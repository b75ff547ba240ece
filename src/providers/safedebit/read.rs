//! The body of a Safedebit answer with HTTP 200 → verdict. Anything that cannot be read is unknown, never success.

use serde_json::Value;

use crate::domain::provider::ProviderId;
use crate::domain::verdict::{AnswerCode, Remedy, Verdict};

use super::super::codes::{CodeTable, class_in_body, shown_in_body};
use super::super::exchange::Answer;
use super::super::status::by_class;
use super::wire::AnswerBody;

/// What a failure without a code is called: the page promises one, and `result` says clearly that nothing was done.
const NO_CODE: &str = "no_code";

pub(super) fn read(answer: &Answer, table: &CodeTable) -> Verdict {
    let Some(AnswerBody { result: Value::Bool(result), code }) = answer.json_object() else {
        return Verdict::Unknown { what: "unreadable_answer" };
    };
    if result {
        return Verdict::Accepted;
    }
    let code = match code {
        Value::String(code) => code.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let shown = shown_in_body(&code);
    if shown.as_str().is_empty() {
        return by_class(
            class_in_body(ProviderId::Safedebit, NO_CODE, table),
            AnswerCode::new(NO_CODE),
            Remedy::None,
        );
    }
    by_class(class_in_body(ProviderId::Safedebit, &code, table), shown, Remedy::None)
}
