//! Guards: what stops an input before anything of it is queued.
//!
//! A night's export that is suddenly half as long, or in which every IBAN moved by one column, is most often a
//! mistake upstream. The guards look at complete counts and know nothing of files, rows or the state.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::defect::Place;
use crate::domain::field::{Field, SUBSCRIPTION_PREFIX};

use crate::domain::threshold::Threshold;

/// How many places are shown for a guard that tripped.
pub(super) const EXAMPLES_MAX: usize = 3;

/// `[guard]`: what stops a run before anything is queued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Changed customers, of the known ones.
    pub max_changes: Threshold,
    /// New customers, of the known ones; with none known more than `floor` are stopped.
    pub max_new: Threshold,
    /// Invalid rows, of all rows.
    pub max_invalid: Threshold,
    /// Known customers that a full input does not have.
    pub max_missing: Threshold,
    /// Changes of single fields, of the known customers.
    #[serde(serialize_with = "write_fields", deserialize_with = "read_fields")]
    #[schemars(schema_with = "fields_schema")]
    pub sensitive: BTreeMap<Field, Threshold>,
    /// No guard trips below so many customers (known and new together; for `max_invalid`: rows).
    pub floor: u64,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            max_changes: Threshold::Percent(30.0),
            max_new: Threshold::Percent(5.0),
            max_invalid: Threshold::Percent(5.0),
            max_missing: Threshold::Percent(20.0),
            sensitive: BTreeMap::from([
                (Field::Iban, Threshold::Percent(5.0)),
                (Field::Email, Threshold::Percent(20.0)),
                (Field::BirthDate, Threshold::Percent(5.0)),
            ]),
            floor: 500,
        }
    }
}

/// Which guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// `max_changes`.
    Changes,
    /// `max_new`.
    New,
    /// New customers while none is known.
    FirstInput,
    /// `max_invalid`.
    Invalid,
    /// `max_missing`.
    Missing,
    /// `sensitive`, for one field.
    Sensitive(Field),
}

impl Guard {
    /// What it counts, of what.
    fn measure(self) -> (&'static str, &'static str) {
        match self {
            Self::Changes => ("customers would change", "known"),
            Self::New | Self::FirstInput => ("customers are new", "known"),
            Self::Invalid => ("rows are invalid", "rows"),
            Self::Missing => ("known customers are missing from the input", "known"),
            Self::Sensitive(_) => ("customers would get another value or none", "known"),
        }
    }

    /// What the operator can do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::Invalid => "correct the file, or run again with --allow-mass-change",
            Self::FirstInput => {
                "if the providers hold these customers already, run `crmsync seed FILE` first; if they are to be sent, \
                 run again with --allow-mass-change"
            }
            Self::Missing => {
                "check that the export is complete (kind = \"delta\" for one that is not meant to be), or run \
                 again with --allow-mass-change"
            }
            Self::Changes | Self::New | Self::Sensitive(_) => {
                "look at `crmsync plan`; if this is meant, run again with --allow-mass-change"
            }
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changes => f.write_str("max_changes"),
            Self::New => f.write_str("max_new"),
            Self::FirstInput => f.write_str("floor"),
            Self::Invalid => f.write_str("max_invalid"),
            Self::Missing => f.write_str("max_missing"),
            Self::Sensitive(field) => write!(f, "sensitive.{field}"),
        }
    }
}

/// A guard that stopped the input. Names places, never values.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct Tripped {
    /// Which guard.
    pub guard: Guard,
    /// How many were counted.
    pub count: u64,
    /// Of how many.
    pub whole: u64,
    /// What is allowed.
    pub limit: Threshold,
    /// Up to three places to look at; none for what is missing.
    pub examples: Vec<Place>,
    /// Others that stopped it too: the flag that lets it pass lets it pass all of them.
    pub others: Vec<Self>,
}

impl Tripped {
    /// The same with what another look found; of a guard that tripped both times the later finding counts.
    #[must_use]
    pub(super) fn and(mut self, mut later: Self) -> Self {
        let others = std::mem::take(&mut later.others);
        for one in std::iter::once(later).chain(others) {
            if one.guard == self.guard {
                self = Self { others: self.others, ..one };
            } else {
                self.others.retain(|other| other.guard != one.guard);
                self.others.push(one);
            }
        }
        self
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    fn write_finding(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, whole) = self.guard.measure();
        write!(f, "guard.{}: {} {what}", self.guard, self.count)?;
        if self.whole > 0 {
            let share = self.count as f64 * 100.0 / self.whole as f64;
            write!(f, ", {share:.1}% of {} {whole}", self.whole)?;
        }
        write!(f, "; allowed are {}", self.limit)
    }

    fn write_examples(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, place) in self.examples.iter().enumerate() {
            let lead = if position == 0 { "; for instance " } else { ", " };
            write!(f, "{lead}{}:{}", place.file, place.line)?;
        }
        Ok(())
    }
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_finding(f)?;
        f.write_str("; nothing was queued")?;
        self.write_examples(f)?;
        for other in &self.others {
            f.write_str("; also ")?;
            other.write_finding(f)?;
            other.write_examples(f)?;
        }
        let mut told = Vec::new();
        for one in std::iter::once(self).chain(&self.others) {
            let advice = one.guard.advice();
            if !told.contains(&advice) {
                write!(f, "; {advice}")?;
                told.push(advice);
            }
        }
        Ok(())
    }
}

/// All that tripped.
fn together(checked: impl IntoIterator<Item = Result<(), Tripped>>) -> Result<(), Tripped> {
    let tripped = checked.into_iter().filter_map(Result::err);
    tripped.reduce(Tripped::and).map_or(Ok(()), Err)
}

/// A count with the first places that it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) count: u64,
    examples: Vec<Place>,
}

impl Measured {
    /// Counts one, at a place that is only worked out when it is to be shown.
    pub(super) fn add(&mut self, place: impl FnOnce() -> Place) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(place());
        }
    }
}

/// The counts that are complete before a single customer is compared.
#[derive(Debug, Clone, Default)]
pub(super) struct InputCounts {
    pub(super) rows: u64,
    pub(super) known: u64,
    pub(super) invalid: Measured,
    pub(super) new: Measured,
    /// `None` for a delta: what is not there is not missing.
    pub(super) missing: Option<u64>,
}

/// The counts that only the comparison gives.
#[derive(Debug, Clone, Default)]
pub(super) struct ChangeCounts {
    pub(super) changed: Measured,
    pub(super) fields: BTreeMap<Field, Measured>,
}

impl GuardSettings {
    /// The invalid rows alone: the only guard that a seed has.
    pub(super) fn check_invalid(&self, counts: &InputCounts) -> Result<(), Tripped> {
        if counts.rows < self.floor {
            return Ok(());
        }
        check(Guard::Invalid, &counts.invalid, counts.rows, self.max_invalid)
    }

    /// What can be said before anything is compared.
    pub(super) fn check_input(&self, counts: &InputCounts) -> Result<(), Tripped> {
        together([self.check_invalid(counts), self.check_missing(counts), self.check_new(counts)])
    }

    fn check_missing(&self, counts: &InputCounts) -> Result<(), Tripped> {
        // A header alone is an export that failed, however few customers there are.
        let is_empty = counts.rows == 0;
        let missing = counts.missing.filter(|_| is_empty || !self.is_below_floor(counts));
        let Some(count) = missing.filter(|_| counts.known > 0) else { return Ok(()) };
        let missing = Measured { count, examples: Vec::new() };
        check(Guard::Missing, &missing, counts.known, self.max_missing)
    }

    fn check_new(&self, counts: &InputCounts) -> Result<(), Tripped> {
        if counts.known == 0 {
            return check(Guard::FirstInput, &counts.new, 0, Threshold::Count(self.floor));
        }
        if self.is_below_floor(counts) {
            return Ok(());
        }
        check(Guard::New, &counts.new, counts.known, self.max_new)
    }

    /// What can be said after everything was compared, the invalid rows that turned up on the way included.
    pub(super) fn check_changes(&self, counts: &InputCounts, changes: &ChangeCounts) -> Result<(), Tripped> {
        let invalid = self.check_invalid(counts);
        if self.is_below_floor(counts) {
            return invalid;
        }
        let sensitive = self.sensitive.iter().filter_map(|(&field, &limit)| {
            Some(check(Guard::Sensitive(field), changes.fields.get(&field)?, counts.known, limit))
        });
        let changed = check(Guard::Changes, &changes.changed, counts.known, self.max_changes);
        together([invalid].into_iter().chain(sensitive).chain([changed]))
    }

    fn is_below_floor(&self, counts: &InputCounts) -> bool {
        counts.known + counts.new.count < self.floor
    }
}

fn check(guard: Guard, measured: &Measured, whole: u64, limit: Threshold) -> Result<(), Tripped> {
    if measured.count <= limit.of(whole) {
        return Ok(());
    }
    let (count, examples) = (measured.count, measured.examples.clone());
    Err(Tripped { guard, count, whole, limit, examples, others: Vec::new() })
}

fn write_fields<S: Serializer>(
    fields: &BTreeMap<Field, Threshold>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(field, limit)| (field.name(), limit)))
}

fn read_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Field, Threshold>, D::Error> {
    let named = BTreeMap::<String, Threshold>::deserialize(deserializer)?;
    let fields = named.into_iter().map(|(name, limit)| match Field::parse(&name) {
        Some(field) => Ok((field, limit)),
        None => Err(D::Error::custom(format!("`{name}` is no canonical field"))),
    });
    fields.collect()
}

/// A table whose keys are canonical fields.
fn fields_schema(generator: &mut SchemaGenerator) -> Schema {
    let limit = generator.subschema_for::<Threshold>().to_value();
    let named = Field::NAMED.iter().map(|field| (field.name().into_owned(), limit.clone()));
    let properties: serde_json::Map<String, serde_json::Value> = named.collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "patternProperties": { (format!("^{SUBSCRIPTION_PREFIX}[0-9]+$")): limit },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(count: u64) -> Measured {
        Measured { count, examples: vec![Place { file: "crm.csv".into(), line: 7 }] }
    }

    fn counts(known: u64, new: u64, missing: u64) -> InputCounts {
        InputCounts {
            rows: known + new,
            known,
            invalid: Measured::default(),
            new: measured(new),
            missing: Some(missing),
        }
    }

    fn guard_of(result: Result<(), Tripped>) -> Option<Guard> {
        result.err().map(|tripped| tripped.guard)
    }

    #[test]
    fn each_guard_trips_beyond_its_share_and_not_at_it() {
        let settings = GuardSettings::default();
        let cases = [
            // known, new, missing
            (10_000, 500, 2_000, None),
            (10_000, 501, 0, Some(Guard::New)),
            (10_000, 0, 2_001, Some(Guard::Missing)),
            // Below the floor nothing trips, at the floor it does.
            (400, 99, 400, None),
            (400, 100, 0, Some(Guard::New)),
            // An empty state takes up to `floor` customers without being asked.
            (0, 500, 0, None),
            (0, 501, 0, Some(Guard::FirstInput)),
        ];
        for (known, new, missing, expected) in cases {
            let tripped = guard_of(settings.check_input(&counts(known, new, missing)));
            assert_eq!(tripped, expected, "{known} {new} {missing}");
        }
    }

    #[test]
    fn changes_are_measured_against_known_customers() {
        let settings = GuardSettings::default();
        let iban = |count| BTreeMap::from([(Field::Iban, measured(count))]);
        let cases = [
            (3_000, 0, None),
            (3_001, 0, Some(Guard::Changes)),
            (501, 501, Some(Guard::Sensitive(Field::Iban))),
        ];
        for (changed, ibans, expected) in cases {
            let changes = ChangeCounts { changed: measured(changed), fields: iban(ibans) };
            assert_eq!(guard_of(settings.check_changes(&counts(10_000, 0, 0), &changes)), expected);
        }
    }

    #[test]
    fn invalid_rows_are_measured_against_rows() {
        let settings = GuardSettings { floor: 100, ..GuardSettings::default() };
        let with = |rows, invalid| InputCounts { rows, invalid: measured(invalid), ..InputCounts::default() };
        assert_eq!(guard_of(settings.check_invalid(&with(100, 5))), None);
        assert_eq!(guard_of(settings.check_invalid(&with(100, 6))), Some(Guard::Invalid));
        assert_eq!(guard_of(settings.check_invalid(&with(99, 99))), None);
    }

    #[test]
    fn a_tripped_guard_says_what_where_and_what_to_do() {
        let error = GuardSettings::default().check_input(&counts(1_000, 80, 0)).expect_err("trips");
        assert_eq!(
            error.to_string(),
            "guard.max_new: 80 customers are new, 8.0% of 1000 known; allowed are 5%; nothing was queued; for \
             instance crm.csv:7; look at `crmsync plan`; if this is meant, run again with --allow-mass-change"
        );
    }

    #[test]
    fn all_guards_that_trip_are_told_with_what_to_do_about_each() {
        let mut input = counts(1_000, 80, 500);
        input.invalid = measured(200);
        let settings = GuardSettings::default();
        let early = settings.check_input(&input).expect_err("trips");
        input.invalid = measured(210);
        let iban = BTreeMap::from([(Field::Iban, measured(60))]);
        let changes = ChangeCounts { changed: measured(310), fields: iban };
        let late = settings.check_changes(&input, &changes).expect_err("trips");
        assert_eq!(
            early.and(late).to_string(),
            "guard.max_invalid: 210 rows are invalid, 19.4% of 1080 rows; allowed are 5%; nothing was queued; for instance \
             crm.csv:7; also guard.max_missing: 500 known customers are missing from the input, 50.0% of 1000 known; allowed \
             are 20%; also guard.max_new: 80 customers are new, 8.0% of 1000 known; allowed are 5%; for instance crm.csv:7; \
             also guard.sensitive.iban: 60 customers would get another value or none, 6.0% of 1000 known; allowed are 5%; for \
             instance crm.csv:7; also guard.max_changes: 310 customers would change, 31.0% of 1000 known; allowed are 30%; \
             for instance crm.csv:7; correct the file, or run again with --allow-mass-change; check that the export is \
             complete (kind = \"delta\" for one that is not meant to be), or run again with --allow-mass-change; look at \
             `crmsync plan`; if this is meant, run again with --allow-mass-change"
        );
    }

    #[test]
    fn settings_come_back_from_their_words() {
        let text = "max_new = 12\nsensitive = { iban = \"1%\", subscription_3 = 4 }\n";
        let settings: GuardSettings = toml::from_str(text).expect("valid");
        assert_eq!(settings.max_new, Threshold::Count(12));
        assert_eq!(settings.sensitive.get(&Field::Subscription(3)), Some(&Threshold::Count(4)));
        let again = toml::from_str(&toml::to_string(&settings).expect("writable")).expect("valid");
        assert_eq!(settings, again);
        assert!(toml::from_str::<GuardSettings>("sensitive = { ibam = 1 }").is_err());
    }
}
