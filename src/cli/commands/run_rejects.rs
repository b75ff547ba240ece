//! `rejects.csv` of a run, and the reasons of its report: what did not get through, and why.

use std::collections::BTreeMap;

use super::explain_code::{hold_advice, meaning_and_advice, operator_codes};
use super::rejects;
use super::values::Values;
use crate::cli::config::Config;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::domain::call::{HoldReason, State};
use crate::domain::provider::ProviderId;
use crate::domain::redacted::Redacted;
use crate::ingest::{IngestReject, Outcome};
use crate::providers::ProvidersSettings;
use crate::report::rejects::{Reject, RejectsWriter, RowForm, Status};
use crate::report::run_files::{FileError, REJECTS_FILE};
use crate::report::text::Reason;
use crate::store::RejectRow;

/// What of a run did not get through.
pub(super) struct RunRejects<'a> {
    pub(super) session: &'a Session,
    pub(super) config: &'a Config,
    /// What became of the input; nothing for a resume.
    pub(super) ingested: Option<&'a Outcome>,
    /// Whether the customers' values stand in front.
    pub(super) include_values: bool,
}

impl RunRejects<'_> {
    /// Writes what the input was refused for before anything is sent, which may take hours: who is killed meanwhile writes
    /// nothing more, and a delta does not say it again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write_those_of_input(&self) -> Result<(), Failure> {
        match self.ingested {
            Some(outcome) if !outcome.rejects.is_empty() => self.write(&[]).map(drop),
            Some(_) | None => Ok(()),
        }
    }

    /// The columns of values in front; none unless they were asked for.
    fn values(&self, calls: &[RejectRow]) -> Values {
        if !self.include_values {
            return Values::default();
        }
        let of_input = self.ingested.iter().flat_map(|outcome| &outcome.rejects);
        Values::of(self.config, of_input, calls)
    }

    /// Writes `rejects.csv`, with these calls; gives the reasons, most frequent first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, calls: &[RejectRow]) -> Result<Vec<Reason>, Failure> {
        let (session, mut values) = (self.session, self.values(calls));
        let run_id = session.id().to_string();
        let several = self.ingested.is_some_and(|outcome| outcome.input.files.len() > 1);
        let form = if several { RowForm::FileAndLine } else { RowForm::Line };
        let path = session.folder().file(REJECTS_FILE);
        let mut counts: BTreeMap<Why, u64> = BTreeMap::new();
        session.folder().replace_file(REJECTS_FILE, |file| {
            let mut writer =
                RejectsWriter::new(file, values.names(), form).map_err(FileError::writing(&path))?;
            for reject in self.ingested.iter().flat_map(|outcome| &outcome.rejects) {
                let cells = if values.names().is_empty() { Vec::new() } else { values.of_row(reject) };
                writer.write(&of_input(reject, &run_id, cells)).map_err(FileError::writing(&path))?;
                let (status, code) = (Status::Invalid.name(), reject.reason.to_string());
                *counts.entry(Why { provider: reject.provider, status, hold: None, code }).or_default() += 1;
            }
            for row in calls {
                let reject = rejects::reject(row, &mut values);
                let code = if reject.code.is_empty() { &reject.class } else { &reject.code }.clone();
                let (provider, status) = (Some(row.provider), reject.status.name());
                *counts.entry(Why { provider, status, hold: row.hold, code }).or_default() += 1;
                writer.write(&reject).map_err(FileError::writing(&path))?;
            }
            writer.finish().map(drop).map_err(FileError::writing(&path))
        })?;
        let mut reasons: Vec<Reason> = counts
            .into_iter()
            .map(|(why, count)| {
                let advice = why.advice(&self.config.providers);
                Reason {
                    provider: why.provider,
                    status: why.status.to_owned(),
                    code: why.code,
                    count,
                    advice,
                }
            })
            .collect();
        // What a provider refused comes before what the file lacks: there is more of the latter in any night.
        reasons
            .sort_by_key(|reason| (reason.status == Status::Invalid.name(), std::cmp::Reverse(reason.count)));
        Ok(reasons)
    }
}

/// Why something did not get through.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Why {
    provider: Option<ProviderId>,
    status: &'static str,
    /// What a call is held for, whatever the provider answered last.
    hold: Option<HoldReason>,
    code: String,
}

impl Why {
    /// Why a call is held, or what a code means, and what to do.
    fn advice(&self, providers: &ProvidersSettings) -> String {
        if let Some(hold) = self.hold.filter(|_| self.status == State::Held.name()) {
            return format!("{}; {}", rejects::reason(hold), hold_advice(hold));
        }
        let is_code = self.status != Status::Invalid.name() && !self.code.is_empty();
        let Some(provider) = self.provider.filter(|_| is_code) else {
            return String::new();
        };
        let (meaning, advice) =
            meaning_and_advice(provider, &self.code, &operator_codes(providers, provider));
        format!("{meaning}; {advice}")
    }
}

fn of_input(reject: &IngestReject, run: &str, cells: Vec<String>) -> Reject {
    Reject {
        row: Some(reject.place.clone()),
        customer_id: Redacted::new(
            reject.customer_id.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
        ),
        provider: reject.provider,
        operation: None,
        status: Status::Invalid,
        class: Status::Invalid.name().to_owned(),
        code: String::new(),
        column: reject.column.as_deref().unwrap_or("").to_owned(),
        reason: reject.reason.to_string(),
        attempts: 0,
        run: run.to_owned(),
        values: Redacted::new(cells),
    }
}
