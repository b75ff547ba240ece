//! The form of a scenario file: TOML into checked rules. Pure: what a rule does to the n-th request is `script`'s.
//!
//! The format is described, with an example, in the documentation of the room.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use super::route::Operation;
use crate::domain::provider::ProviderId;

/// A checked scenario: the providers' peculiarities, and the rules of what goes wrong.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Where randomness starts; two runs with one seed and the same requests behave alike.
    pub seed: u64,
    /// How the simulated WsOne behaves.
    pub wsone: WsoneHabits,
    /// How the simulated Lemonway behaves.
    pub lemonway: LemonwayHabits,
    /// How the simulated Safedebit behaves.
    pub safedebit: SafedebitHabits,
    #[serde(rename = "rule")]
    pub(super) rules: Vec<Rule>,
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// When the text is no TOML, has an unknown key, or a rule says something impossible; the message names the
    /// line or the number of the rule.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        for (index, rule) in scenario.rules.iter().enumerate() {
            rule.check().map_err(|problem| ScenarioError::Rule { number: index + 1, problem })?;
        }
        Ok(scenario)
    }
}

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No TOML, or not of this shape.
    #[error("the scenario cannot be read")]
    Format(#[from] toml::de::Error),
    /// A rule that cannot be meant.
    #[error("rule {number} of the scenario: {problem}")]
    Rule {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong and what to write instead.
        problem: &'static str,
    },
}

/// What nobody has documented about WsOne, as it is to be simulated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WsoneHabits {
    /// What an update does to an object that is sent.
    pub update: UpdateHabit,
    /// The `responseCode` for an identifier that nobody has.
    pub unknown_code: String,
    /// The `responseCode` for a field that breaks the documented form.
    pub data_code: String,
    /// The `responseCode` for a create of an identifier that exists; without one a second person is made.
    pub exists_code: Option<String>,
}

impl Default for WsoneHabits {
    fn default() -> Self {
        Self {
            update: UpdateHabit::Replace,
            unknown_code: "101".to_owned(),
            data_code: "102".to_owned(),
            exists_code: None,
        }
    }
}

/// What `updatePerson` does to the fields that a sent object does not mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpdateHabit {
    /// They are lost: each object that is sent takes the place of the old one.
    Replace,
    /// They are kept.
    Patch,
}

/// What differs between Lemonway's installations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LemonwayHabits {
    /// The caller's address is not allowed: every request ends in HTTP 403.
    pub foreign_address: bool,
    /// `directkit` answers with the `<WALLET>` document as escaped text.
    pub escaped_result: bool,
    /// The name of the SOAP result element.
    pub result_element: ResultElement,
    /// `directkitjson` answers `{"d": …}` instead of the bare object.
    pub wrapped_json: bool,
    /// Wallets that are verified (KYC 2) and take contact changes only.
    pub verified: Vec<String>,
}

/// The two names that the SOAP result element has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResultElement {
    /// As the method is called.
    #[default]
    UpdateWalletDetailsResult,
    /// As an older method was called.
    UpdateWalletStatusResult,
}

impl ResultElement {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UpdateWalletDetailsResult => "UpdateWalletDetailsResult",
            Self::UpdateWalletStatusResult => "UpdateWalletStatusResult",
        }
    }
}

/// What differs between Safedebit's installations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafedebitHabits {
    /// Wrong credentials are answered with HTTP 401 instead of HTTP 200 and `AUTH_001`.
    pub denied_with_401: bool,
}

/// One rule: which requests, when, and what happens to them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) provider: Option<ProviderId>,
    pub(super) operation: Option<Operation>,
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) per_key: bool,
    pub(super) nth: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) first: Option<u64>,
    pub(super) from: Option<u64>,
    pub(super) to: Option<u64>,
    pub(super) probability: Option<f64>,
    pub(super) times: Option<u64>,
    pub(super) effect: Effect,
}

/// What happens to a request that a rule hits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    Latency(Latency),
    Status(Status),
    LoseReply(Loss),
    Late(Late),
    Refuse(Refuse),
    Garbage(Garbage),
    Redirect(Redirect),
}

/// How long the answer takes, evenly spread from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "LatencyForm")]
pub(super) struct Latency {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a duration such as \"20ms\", or { min = \"5ms\", max = \"20ms\" }")]
enum LatencyForm {
    Fixed(SignedDuration),
    Spread(LatencySpread),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencySpread {
    min: SignedDuration,
    max: SignedDuration,
}

impl TryFrom<LatencyForm> for Latency {
    type Error = &'static str;

    fn try_from(form: LatencyForm) -> Result<Self, Self::Error> {
        let (min, max) = match form {
            LatencyForm::Fixed(duration) => (duration, duration),
            LatencyForm::Spread(LatencySpread { min, max }) => (min, max),
        };
        if max < min {
            return Err("`max` is shorter than `min`");
        }
        Ok(Self { min: unsigned(min)?, max: unsigned(max)? })
    }
}

/// An HTTP status instead of the provider's answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    pub(super) code: u16,
    /// The header's text: seconds, or a date.
    pub(super) retry_after: Option<String>,
    /// The header as an HTTP date that far ahead.
    #[serde(default, deserialize_with = "optional_duration")]
    pub(super) retry_after_date_in: Option<Duration>,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) apply: bool,
}

/// The side of the application on which a reply is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Loss {
    Before,
    After,
}

/// A request that is kept and applied later.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Late {
    #[serde(deserialize_with = "duration")]
    pub(super) after: Duration,
    /// How long the connection stays open without an answer; zero hangs up at once.
    #[serde(default, deserialize_with = "duration")]
    pub(super) stall: Duration,
}

/// A refusal in the provider's own words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refuse {
    pub(super) code: String,
    #[serde(default)]
    pub(super) apply: bool,
}

/// An unreadable body with HTTP 200.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Garbage {
    pub(super) body: GarbageBody,
    #[serde(default = "yes")]
    pub(super) apply: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum GarbageBody {
    Html,
    Empty,
    Truncated,
}

/// An answer that points elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redirect {
    pub(super) location: String,
    #[serde(default = "temporary_redirect")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) apply: bool,
}

fn yes() -> bool {
    true
}

fn temporary_redirect() -> u16 {
    307
}

fn unsigned(duration: SignedDuration) -> Result<Duration, &'static str> {
    Duration::try_from(duration).map_err(|_| "a duration cannot be negative")
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    unsigned(SignedDuration::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// The farthest date that an answer names.
const AHEAD_MAX: Duration = Duration::from_secs(366 * 86_400);

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        if let (Some(api), Some(operation)) = (self.provider, self.operation)
            && operation.provider() != api
        {
            return Err("`operation` belongs to another provider: correct one of the two");
        }
        let counts = [self.nth, self.every, self.first, self.from, self.to, self.times];
        if counts.contains(&Some(0)) {
            return Err("requests are counted from 1: write 1 or more");
        }
        if self.from.zip(self.to).is_some_and(|(from, to)| from > to) {
            return Err("`from` lies behind `to`: exchange them");
        }
        if self.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("`probability` is a share: write a number from 0 to 1");
        }
        match &self.effect {
            Effect::Status(status) if !(200..=599).contains(&status.code) => {
                Err("`code` is an HTTP status: write a number from 200 to 599")
            }
            Effect::Status(status) if status.retry_after_date_in.is_some_and(|ahead| ahead > AHEAD_MAX) => {
                Err("`retry_after_date_in` is too far ahead: write a year at most")
            }
            Effect::Redirect(redirect) if !(300..=399).contains(&redirect.status) => {
                Err("`status` of a redirect: write a number from 300 to 399")
            }
            Effect::Latency(_)
            | Effect::Status(_)
            | Effect::LoseReply(_)
            | Effect::Late(_)
            | Effect::Refuse(_)
            | Effect::Garbage(_)
            | Effect::Redirect(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let error = Scenario::from_toml(text).expect_err("the scenario is wrong");
        std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string)
    }

    #[test]
    fn every_effect_can_be_written() {
        let text = r#"
            seed = 7
            [wsone]
            update = "patch"
            exists_code = "103"
            [lemonway]
            result_element = "UpdateWalletStatusResult"
            verified = ["w1"]
            [[rule]]
            effect = { latency = "20ms" }
            [[rule]]
            effect = { latency = { min = "5ms", max = "1s" } }
            [[rule]]
            provider = "wsone"
            operation = "createPerson"
            nth = 3
            effect = { status = { code = 429, retry_after = "2" } }
            [[rule]]
            probability = 0.5
            times = 4
            effect = { status = { code = 503, retry_after_date_in = "2s", body = "x", apply = true } }
            [[rule]]
            effect = { lose_reply = "after" }
            [[rule]]
            effect = { late = { after = "500ms", stall = "40s" } }
            [[rule]]
            effect = { refuse = { code = "146" } }
            [[rule]]
            effect = { garbage = { body = "truncated", apply = false } }
            [[rule]]
            effect = { redirect = { location = "http://127.0.0.1:1/" } }
        "#;
        let scenario = Scenario::from_toml(text).expect("the scenario is right");
        assert_eq!(scenario.rules.len(), 9);
        assert_eq!(scenario.wsone.update, UpdateHabit::Patch);
    }

    #[test]
    fn impossible_rules_are_named() {
        let cases = [
            ("[[rule]]\nevery = 0\neffect = { lose_reply = \"after\" }", "rule 1"),
            ("[[rule]]\nfrom = 3\nto = 2\neffect = { lose_reply = \"after\" }", "`from` lies behind"),
            ("[[rule]]\nprobability = 1.5\neffect = { lose_reply = \"after\" }", "from 0 to 1"),
            ("[[rule]]\nprobability = nan\neffect = { lose_reply = \"after\" }", "from 0 to 1"),
            ("[[rule]]\neffect = { status = { code = 42 } }", "200 to 599"),
            ("[[rule]]\neffect = { latency = { min = \"2s\", max = \"1s\" } }", "shorter"),
            ("[[rule]]\neffect = { latency = \"-1s\" }", "negative"),
            ("[[rule]]\neffect = { latency = \"soon\" }", "expected a duration such as"),
            ("[[rule]]\nevry = 2\neffect = { lose_reply = \"after\" }", "evry"),
            ("[[rule]]\nprovider = \"stripe\"\neffect = { lose_reply = \"after\" }", "stripe"),
            (
                "[[rule]]\nprovider = \"wsone\"\noperation = \"edit_consumer\"\neffect = { lose_reply = \"after\" }",
                "another provider",
            ),
            ("sed = 1", "sed"),
        ];
        for (text, part) in cases {
            assert!(problem(text).contains(part), "{text}: {}", problem(text));
        }
    }
}
