//! What the providers' codes mean and what to do about them, as data.
//!
//! Only documented or recorded codes are here; `WsOne` documents none, so its table is the operator's. A table in the
//! configuration (`response_codes`, `error_codes`) overrides the class, never the meaning.

use std::collections::BTreeMap;

use crate::domain::call::HoldReason;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::{AnswerCode, CodeClass};

use super::own_codes;
use super::status::may_follow_success;

/// The operator's classes for codes: what stands in `response_codes` or `error_codes`.
pub type CodeTable = BTreeMap<String, CodeClass>;

/// Why a table of the operator's cannot work, if it cannot: a class would never be found under such a key.
pub(super) fn defect(table: &CodeTable) -> Option<&'static str> {
    let is_code = |key: &String| AnswerCode::new(key).as_str() == key && !key.is_empty();
    if !table.keys().all(is_code) {
        return Some("has a key that can be no code: up to 40 letters, digits, `_`, `-` and `.`");
    }
    if table.keys().any(|key| status(key).is_none() && own_codes::lookup(key).is_some()) {
        return Some(
            "has a code of the program itself, whose class is fixed; one of the provider with that name is `body_` and it",
        );
    }
    let is_fixed = |status: u16| !(300..500).contains(&status) || FIXED.contains(&status);
    let wrong = table.keys().filter_map(|key| status(key)).any(is_fixed);
    wrong.then_some("has a status whose class is fixed: of `http_300` to `http_499` all but 401, 403, 408 and 429 can be classed")
}

/// What is known of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// What a call that gets it becomes, where the configuration says nothing else.
    pub class: CodeClass,
    /// What the provider means by it.
    pub meaning: &'static str,
    /// What a person should do.
    pub advice: &'static str,
}

impl CodeInfo {
    /// Whether anybody has documented the code.
    #[must_use]
    pub fn is_documented(&self) -> bool {
        !matches!(self.meaning, NOT_DOCUMENTED | STATUS_NOT_DOCUMENTED | STATUS_PERHAPS_DONE)
    }
}

const NOT_DOCUMENTED: &str = "not documented";
const STATUS_NOT_DOCUMENTED: &str = "a status that no document of the provider has";
const STATUS_PERHAPS_DONE: &str = "a status that no document of the provider has, and that can follow upon a request that was done: the \
     call is repeated after `settle`, a create probed first";
/// Statuses whose meaning is fixed: no class of the operator's would be asked for.
const FIXED: [u16; 4] = [401, 403, 408, 429];

/// Whether `code` is what the provider calls success. Lemonway and Safedebit have no code for it.
#[must_use]
pub fn is_success(provider: ProviderId, code: &str) -> bool {
    match provider {
        ProviderId::Wsone => code == super::wsone::SUCCESS,
        ProviderId::Lemonway | ProviderId::Safedebit => false,
    }
}

/// What is known of `code`; for a code that nobody has documented, that.
#[must_use]
pub fn lookup(provider: ProviderId, code: &str) -> CodeInfo {
    let table = match provider {
        ProviderId::Wsone => &[][..],
        ProviderId::Lemonway => LEMONWAY,
        ProviderId::Safedebit => SAFEDEBIT,
    };
    let exact = |rows: &'static [Row]| rows.iter().find(|row| row.0 == code);
    if let Some(row) = exact(table).or_else(|| exact(HTTP)) {
        return row.info();
    }
    if provider == ProviderId::Safedebit && code.starts_with(AUTH) {
        return SAFEDEBIT_AUTH;
    }
    if let Some(status) = status(code) {
        return CodeInfo {
            class: CodeClass::Denied,
            meaning: if may_follow_success(status) { STATUS_PERHAPS_DONE } else { STATUS_NOT_DOCUMENTED },
            advice: "check `base_url` and the provider's release notes; if the provider refuses one customer with it, class \
                     the code in the configuration",
        };
    }
    CodeInfo {
        class: CodeClass::Refused,
        meaning: NOT_DOCUMENTED,
        advice: "ask the provider, then class the code in the configuration if it is not a refusal",
    }
}

/// The status that the program has made a code of: nothing of an answer's body.
pub(super) fn status(code: &str) -> Option<u16> {
    let digits = code.strip_prefix("http_").filter(|digits| digits.len() == 3)?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a document of the provider has just this code, or we make it of a status. What only begins like one may go on as it
/// likes.
#[must_use]
pub fn is_listed(provider: ProviderId, code: &str) -> bool {
    let begins_like_one = provider == ProviderId::Safedebit && code.starts_with(AUTH);
    lookup(provider, code).is_documented() && !begins_like_one || status(code).is_some()
}

/// The class of a code that stands in the body of an answer. There a name that we have for a status is a code like any other,
/// which the operator classes by what it is shown as.
#[must_use]
pub fn class_in_body(provider: ProviderId, code: &str, table: &CodeTable) -> CodeClass {
    let shown = shown_in_body(code);
    let configured = table.get(shown.as_str()).copied();
    let by_itself =
        || if status(code).is_some() { CodeClass::Refused } else { class_of(provider, code, table) };
    configured.unwrap_or_else(by_itself)
}

/// A code of a body as it is shown: one that is called like ours for something else is told apart from it.
#[must_use]
pub fn shown_in_body(code: &str) -> AnswerCode {
    let visible = AnswerCode::visible(code);
    let is_ours = status(&visible).is_some()
        || own_codes::lookup(&visible).is_some()
        || HoldReason::parse(&visible).is_some();
    if is_ours { AnswerCode::new(&format!("body_{visible}")) } else { AnswerCode::new(code) }
}

/// The class of `code`: the operator's, else the documented one, else refused.
#[must_use]
pub fn class_of(provider: ProviderId, code: &str, table: &CodeTable) -> CodeClass {
    table.get(code).copied().unwrap_or_else(|| lookup(provider, code).class)
}

struct Row(&'static str, CodeClass, &'static str, &'static str);

impl Row {
    fn info(&self) -> CodeInfo {
        CodeInfo { class: self.1, meaning: self.2, advice: self.3 }
    }
}

const R: CodeClass = CodeClass::Refused;
const T: CodeClass = CodeClass::Transient;
const D: CodeClass = CodeClass::Denied;

const FIX: &str = "correct the value in the CRM; the next file sends it";
const RELEASE: &str = "settle it with the provider, then `crmsync rejects release --customer CUSTOMER`";
const TEMPORARY: &str = "temporary failure at the provider";
const AGAIN: &str = "nothing: it is tried again";
const ACCESS: &str = "check login, password and the rights that the provider gave them";

/// Statuses, as verdicts name them. What stops the lane is classed denied here; an operator can class `http_<status>`
/// of an answer that nobody has documented like any other code.
const HTTP: &[Row] = &[
    Row(
        "http_400",
        D,
        "the provider did not understand the request",
        "check `base_url` and the provider's release notes",
    ),
    Row("http_401", D, "the credentials were not accepted", ACCESS),
    Row(
        "http_403",
        D,
        "this machine or these credentials are not allowed",
        "check rights, and the list of allowed IP addresses",
    ),
    Row("http_404", D, "there is no such address", "check `base_url`"),
    Row("http_415", D, "the provider does not take this kind of body", "check `base_url` and `protocol`"),
];

const LEMONWAY: &[Row] = &[
    Row("1", T, TEMPORARY, AGAIN),
    Row("105", D, "access denied", ACCESS),
    Row("120", D, "access denied; can also mean one bad value", ACCESS),
    Row("128", R, "phone number is not valid", FIX),
    Row("138", D, "access denied", ACCESS),
    Row(
        "146",
        R,
        "the status of the wallet forbids the change",
        "verified wallets take e-mail and phones only; ask Lemonway for the rest",
    ),
    Row("147", R, "there is no such wallet", "check `wallet_id` in the CRM"),
    Row("167", R, "the wallet is blocked", RELEASE),
    Row("178", R, "e-mail address has no valid form", FIX),
    Row("179", T, TEMPORARY, AGAIN),
    Row("180", T, TEMPORARY, AGAIN),
    Row("181", T, TEMPORARY, AGAIN),
    Row("182", T, TEMPORARY, AGAIN),
    Row("183", T, TEMPORARY, AGAIN),
    Row("184", T, TEMPORARY, AGAIN),
    Row("185", T, TEMPORARY, AGAIN),
    Row("189", T, TEMPORARY, AGAIN),
    Row("191", T, TEMPORARY, AGAIN),
    Row(
        "204",
        R,
        "e-mail address is used by another wallet",
        "find the other wallet; two customers may share the address",
    ),
    Row("230", T, TEMPORARY, AGAIN),
    Row("232", T, TEMPORARY, AGAIN),
    Row("233", T, TEMPORARY, AGAIN),
    Row("234", R, "data are not valid", FIX),
    Row("236", R, "the customer is on a blacklist", "talk to the compliance officer before anything else"),
    Row("237", R, "the customer is on a blacklist", "talk to the compliance officer before anything else"),
    Row("240", T, TEMPORARY, AGAIN),
    Row("247", R, "date is not valid", FIX),
    Row("248", R, "IP address is not valid", FIX),
    Row("252", R, "name is not valid", FIX),
    Row("253", R, "phone number is not valid", FIX),
    Row("254", R, "date is not valid", FIX),
    Row("259", T, TEMPORARY, AGAIN),
    Row("264", R, "wallet identifier is not valid", "check `wallet_id` in the CRM"),
    Row(
        "288",
        T,
        "temporary failure; it may have been applied",
        "nothing: it is repeated after `settle`, and held for a person when it is still so in the third run",
    ),
    Row(
        "297",
        T,
        "temporary failure; it may have been applied",
        "nothing: it is repeated after `settle`, and held for a person when it is still so in the third run",
    ),
    Row("302", T, TEMPORARY, AGAIN),
    Row("303", T, TEMPORARY, AGAIN),
    Row("305", T, TEMPORARY, AGAIN),
    Row("310", T, TEMPORARY, AGAIN),
];

const SAFEDEBIT: &[Row] = &[
    Row("EXIST_002", R, "there is no such consumer", "check `safedebit_reference` in the CRM"),
    Row("no_code", R, "`result` was false and no code was given", RELEASE),
];

/// What all codes begin with by which Safedebit refuses credentials.
const AUTH: &str = "AUTH_";
const SAFEDEBIT_AUTH: CodeInfo =
    CodeInfo { class: D, meaning: "the credentials or their rights do not suffice", advice: ACCESS };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_table_wins_over_the_documented_class() {
        let table = CodeTable::from([("147".to_owned(), CodeClass::Transient)]);
        assert_eq!(class_of(ProviderId::Lemonway, "147", &table), CodeClass::Transient);
        assert_eq!(class_of(ProviderId::Lemonway, "147", &CodeTable::new()), CodeClass::Refused);
    }

    #[test]
    fn an_undocumented_code_is_refused() {
        for provider in ProviderId::ALL {
            assert_eq!(lookup(provider, "no such code").class, CodeClass::Refused);
        }
    }

    #[test]
    fn every_code_of_the_families_has_its_class() {
        let transient = [
            "1", "179", "180", "181", "182", "183", "184", "185", "189", "191", "230", "232", "233", "240",
            "259", "288", "297", "302", "303", "305", "310",
        ];
        for row in LEMONWAY {
            let expected = match row.0 {
                "105" | "120" | "138" => CodeClass::Denied,
                code if transient.contains(&code) => CodeClass::Transient,
                _ => CodeClass::Refused,
            };
            assert_eq!(row.1, expected, "{}", row.0);
        }
        assert!(transient.iter().all(|code| LEMONWAY.iter().any(|row| row.0 == *code)));
        assert_eq!(lookup(ProviderId::Safedebit, "AUTH_17").class, CodeClass::Denied);
        assert!(is_listed(ProviderId::Safedebit, "http_401") && is_listed(ProviderId::Lemonway, "147"));
        for code in ["AUTH_17", "AUTH_FR7630006000011234567890189", "LEFEVRE"] {
            assert!(!is_listed(ProviderId::Safedebit, code), "{code}");
        }
        for provider in ProviderId::ALL {
            let class = class_in_body(provider, "http_401", &CodeTable::new());
            assert_eq!(class, CodeClass::Refused, "{provider}: a body can say anything");
        }
        let shown = ["http_401", "timeout", "duplicate_key", "147"].map(shown_in_body);
        let names = ["body_http_401", "body_timeout", "body_duplicate_key", "147"];
        assert_eq!(shown.each_ref().map(AnswerCode::as_str), names);
        for (code, name) in [("http_401", names[0]), ("timeout", names[1]), ("timeout", "timeout")] {
            let table = CodeTable::from([(name.to_owned(), CodeClass::Transient)]);
            assert_eq!(class_in_body(ProviderId::Wsone, code, &table), CodeClass::Transient, "{name}");
        }
        assert_eq!(lookup(ProviderId::Safedebit, "EXIST_002").class, CodeClass::Refused);
    }
}
