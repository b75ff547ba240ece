//! The codes that the program itself gives to a request without a usable answer: what they mean and what to do.
//!
//! They stand where a provider's code would, in events and histories. No configuration can class them: whether the
//! request can have been acted upon is a fact, not an opinion.

/// A code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCode {
    /// As it stands in events.
    pub code: &'static str,
    /// The class of the verdict that it goes with.
    pub class: &'static str,
    /// What happened.
    pub meaning: &'static str,
    /// What a person should do when it does not pass.
    pub advice: &'static str,
}

/// What is known of a code that the program itself gives; `None` for every other.
#[must_use]
pub fn lookup(code: &str) -> Option<OwnCode> {
    let code = of_status(code).unwrap_or(code);
    CODES.iter().find(|own| own.code == code).copied()
}

/// The code of a status that has none to itself.
fn of_status(code: &str) -> Option<&'static str> {
    match super::codes::status(code)? {
        429 => Some("throttled"),
        501 | 505..=599 => Some("http_5xx"),
        100..=299 | 600.. => Some("unexpected_status"),
        _ => None,
    }
}

impl OwnCode {
    /// What becomes of a call that gets it.
    #[must_use]
    pub fn consequence(&self) -> &'static str {
        match self.class {
            NOT_SENT => "nothing was sent; the call is tried again, and stays queued for the next run",
            THROTTLED => "the provider's lane pauses, and the call is tried again; it loses no attempt",
            UNKNOWN => {
                "it may have been applied; the call is repeated after `settle`, a create is probed first, and \
                 after three such runs it is held"
            }
            WITHHELD => {
                "that depends on the class of the hidden code, which events and histories have: refused parks the call, \
                 denied stops the provider's lane"
            }
            _ => "the call is parked until what would be sent changes, or a person releases it",
        }
    }
}

const NOT_SENT: &str = "not_sent";
const THROTTLED: &str = "throttled";
const UNKNOWN: &str = "unknown";
const WITHHELD: &str = "withheld";

const ADDRESS: &str = "check the host and port of `base_url`";
const WAIT: &str = "wait until the provider is back";
const OTHER_SIDE: &str = "check `base_url`, and what stands between this machine and the provider";
const ROUTE: &str = "check network and firewall, and the host and port of `base_url`";
const REPORT: &str = "report it: this is a fault of the program";

const fn not_sent(code: &'static str, meaning: &'static str, advice: &'static str) -> OwnCode {
    OwnCode { code, class: NOT_SENT, meaning, advice }
}

const fn unknown(code: &'static str, meaning: &'static str, advice: &'static str) -> OwnCode {
    OwnCode { code, class: UNKNOWN, meaning, advice }
}

const CODES: &[OwnCode] = &[
    OwnCode {
        code: "code_withheld",
        class: WITHHELD,
        meaning: "what the provider gave for a code is none, or may repeat a value or a secret, and is not shown",
        advice: "ask the provider what it answers; a code that they document can be classed in the configuration",
    },
    not_sent("connect", "no connection could be made", ROUTE),
    not_sent(
        "connect_certificate",
        "the certificate of the host is not trusted by this machine, or not valid",
        "check `base_url`, the clock, and the certificates of this machine",
    ),
    not_sent(
        "connect_dns",
        "the name of the host was not found",
        "check the host of `base_url` and the name service",
    ),
    not_sent(
        "connect_expired",
        "the certificate of the host has expired, by the clock of this machine",
        "ask the provider to renew it, unless the clock is wrong",
    ),
    not_sent("connect_host_name", "the certificate is for another host", "check the host of `base_url`"),
    not_sent("connect_refused", "the connection was refused: nothing listens there", ADDRESS),
    not_sent("connect_timeout", "the host did not answer in time when a connection was made", ROUTE),
    not_sent("connect_tls", "the host does not speak the TLS that this program needs", ADDRESS),
    not_sent(
        "interrupted",
        "the call was given back before it was sent",
        "nothing: it is sent when its turn comes again",
    ),
    not_sent("request", "no request could be made of the address", "check `base_url`"),
    OwnCode {
        code: "throttled",
        class: THROTTLED,
        meaning: "the provider asked to wait: 429, or 503 with Retry-After",
        advice: "lower `rate_per_second` or `concurrency`, or ask the provider for more",
    },
    unknown("answer_for_another_wallet", "the answer speaks of another wallet", OTHER_SIDE),
    unknown("answer_too_large", "the answer is larger than any of the provider's", OTHER_SIDE),
    unknown(
        "code_288",
        "a temporary failure, 288; it may have been applied",
        "nothing: it is repeated; ask Lemonway when it goes on",
    ),
    unknown(
        "code_297",
        "a temporary failure, 297; it may have been applied",
        "nothing: it is repeated; ask Lemonway when it goes on",
    ),
    unknown(
        "crash",
        "the program was killed, or the machine went down, while the call was on its way",
        "nothing: the run after that sent it again, or asked whether it was applied",
    ),
    unknown("cut", "the connection ended before the answer was whole", WAIT),
    unknown("error_without_code", "the answer reports an error without saying which", "ask the provider"),
    unknown("http_408", "the provider did not get the request in time", WAIT),
    unknown("http_500", "the provider failed with status 500", WAIT),
    unknown("http_502", "a gateway got no right answer from the provider: status 502", WAIT),
    unknown("http_503", "the provider is not available: status 503", WAIT),
    unknown("http_504", "a gateway got no answer from the provider in time: status 504", WAIT),
    unknown("http_5xx", "the provider failed with a status from 501 to 599", WAIT),
    unknown("panic", "the program fell over while the call was on its way", REPORT),
    unknown(
        "timeout",
        "no whole answer came within `timeout`",
        "wait until the provider is back, or raise `timeout`",
    ),
    unknown("unexpected_status", "the answer has a status that no request of ours can get", OTHER_SIDE),
    unknown(
        "unreadable_answer",
        "the answer is none of the provider's, for instance a page of HTML",
        OTHER_SIDE,
    ),
    OwnCode {
        code: "unbuildable",
        class: "refused",
        meaning: "the values do not fit the fields of the provider: the state is of another version",
        advice: REPORT,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// The text of all code in a room, without its tests.
    fn sources(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("a room") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_str().expect("of text");
            if path.is_dir() {
                sources(&path, text);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "own_codes.rs" {
                let source = fs::read_to_string(&path).expect("readable");
                text.push_str(source.split("#[cfg(test)]").next().expect("code before its tests"));
            }
        }
    }

    /// Looks for the codes wherever verdicts are made: where they are named, and by their forms.
    #[test]
    fn every_code_that_the_program_makes_is_explained_and_no_other() {
        let mut text = String::new();
        for room in ["domain", "providers", "dispatch", "store"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut text);
        }
        let forms = [
            r#"(?:Unknown|NotSent) \{\s*what: "(\w+)""#,
            r#"what: if \S+ \{ "(\w+)" \} else \{ "\w+" \}"#,
            r#"what: if \S+ \{ "\w+" \} else \{ "(\w+)" \}"#,
            r#""(connect(?:_\w+)?)""#,
            r#""(code_(?:\d+|withheld))""#,
            r#"class: "unknown",\s*code: "(\w+)""#,
            r#"Throttled \{ \.\. \} => self\.end\.unanswered = Some\("(\w+)"\)"#,
            r#"AnswerCode::new\("(\w+)"\)"#,
        ];
        let mut made = BTreeSet::new();
        for form in forms {
            let form = Regex::new(form).expect("a pattern");
            assert!(form.is_match(&text), "{form} finds nothing");
            made.extend(form.captures_iter(&text).map(|found| found[1].to_owned()));
        }
        let explained: BTreeSet<String> = CODES.iter().map(|own| own.code.to_owned()).collect();
        assert_eq!(made, explained);
    }

    #[test]
    fn a_code_of_a_provider_is_none_of_ours() {
        for code in ["", "147", "AUTH_1", "no_code", "http_404"] {
            assert_eq!(lookup(code), None, "{code}");
        }
    }
}
