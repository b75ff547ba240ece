//! The flags that say what of the queue is sent, and how they are typed again.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::amounts::Time;
use crate::domain::provider::ProviderId;
use crate::domain::threshold::Threshold;

/// What is sent in this run, and how much of it. Restricts sending, never reading.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sending")]
pub struct DispatchArguments {
    /// Send to these providers only; the rest stays queued
    #[arg(long = "provider", value_name = "NAME", value_delimiter = ',')]
    pub providers: Vec<ProviderId>,
    /// Send these customers only; may be repeated
    #[arg(long = "only", value_name = "CUSTOMER")]
    pub only: Vec<String>,
    /// Stop sending after this time: 30m, 2h
    #[arg(long, value_name = "TIME")]
    pub max_duration: Option<Time>,
    /// Stop after so many requests, all providers together
    #[arg(long, value_name = "N")]
    pub max_calls: Option<u64>,
    /// Stop a provider after so many errors: a count, or a share of its settled calls
    #[arg(long, value_name = "N|N%")]
    pub max_errors: Option<Threshold>,
    /// Put the customers' values into rejects.csv, so that it can be corrected and fed in again
    #[arg(long)]
    pub include_values: bool,
    /// Write the counts of the run as Prometheus text, for a textfile collector
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,
}

impl DispatchArguments {
    /// The flags that say to whom calls go, as they are typed.
    #[must_use]
    pub fn repeated_filters(&self) -> Vec<String> {
        let Self { providers, only, .. } = self.clone();
        Self { providers, only, ..Self::default() }.repeated()
    }

    /// The same without the customers that they name, for a log.
    #[must_use]
    pub fn without_customers(&self) -> Self {
        Self { only: vec!["CUSTOMER".to_owned(); self.only.len()], ..self.clone() }
    }

    /// The same flags as they are typed.
    #[must_use]
    pub fn repeated(&self) -> Vec<String> {
        let providers = self.providers.iter().map(|provider| ("--provider", provider.to_string()));
        let only = self.only.iter().map(|customer| ("--only", customer.clone()));
        let limits = [
            ("--max-duration", self.max_duration.map(|time| time.to_string())),
            ("--max-calls", self.max_calls.map(|calls| calls.to_string())),
            ("--max-errors", self.max_errors.map(|errors| errors.to_string())),
            ("--metrics-file", self.metrics_file.as_ref().map(|file| file.display().to_string())),
        ];
        let limits = limits.into_iter().filter_map(|(flag, word)| Some((flag, word?)));
        let words =
            providers.chain(only).chain(limits).flat_map(|(flag, word)| match word.strip_prefix('-') {
                // Else it would be taken for a flag.
                Some(_) => vec![format!("{flag}={word}")],
                None => vec![flag.to_owned(), word],
            });
        words.chain(self.include_values.then(|| "--include-values".to_owned())).collect()
    }
}
