//! Which error has which code. Each match is exhaustive, so that a new error has to be given one.

use super::config::ConfigError;
use super::error_code::ErrorCode;
use super::notify::NotifyError;
use super::secrets::SecretError;
use crate::dispatch::{DispatchError, StopReason};
use crate::ingest::{Guard, IngestError, Tripped};
use crate::mapping::MappingError;
use crate::providers::SettingsError;
use crate::reader::FileError as FileRefused;
use crate::report::html::PageError;
use crate::report::report_json::ReportError;
use crate::report::run_files::FileError;
use crate::sandbox::{ScenarioError, StartError};
use crate::store::StoreError;

/// An error with a stable code.
pub trait Coded {
    /// The code.
    fn coded(&self) -> ErrorCode;
}

/// Errors of one kind.
macro_rules! always {
    ($($error:ty => $code:expr;)*) => {$(
        impl Coded for $error {
            fn coded(&self) -> ErrorCode {
                $code
            }
        }
    )*};
}

always! {
    SettingsError => ErrorCode::ConfigProvider;
    SecretError => ErrorCode::SecretMissing;
    FileError => ErrorCode::RunFile;
    PageError => ErrorCode::ReportPage;
    std::io::Error => ErrorCode::Output;
    csv::Error => ErrorCode::Output;
    crate::domain::fault::NoSuchFault => ErrorCode::FaultUnknown;
    StartError => ErrorCode::SandboxStart;
    ScenarioError => ErrorCode::ScenarioInvalid;
}

impl Coded for ConfigError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::Unreadable { .. } => ErrorCode::ConfigUnreadable,
            Self::Invalid { .. } => ErrorCode::ConfigInvalid,
        }
    }
}

impl Coded for ReportError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::Unreadable { .. } => ErrorCode::ReportUnreadable,
            Self::Malformed { .. } => ErrorCode::ReportMalformed,
        }
    }
}

impl Coded for NotifyError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::Empty | Self::Start { .. } | Self::Failed { .. } | Self::Slow { .. } => {
                ErrorCode::NotifyFailed
            }
        }
    }
}

impl Coded for FileRefused {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::Open { .. } => ErrorCode::FileOpen,
            Self::Read { .. } => ErrorCode::FileRead,
            Self::Spool { .. } => ErrorCode::FileSpool,
            Self::Empty { .. } => ErrorCode::FileEmpty,
            Self::Changed { .. } => ErrorCode::FileChanged,
            Self::Compressed { .. } => ErrorCode::FileCompressed,
            Self::TooLarge { .. } => ErrorCode::FileTooLarge,
            Self::NotText { .. } => ErrorCode::FileNotText,
            Self::Encoding { .. } | Self::ForeignEncoding { .. } => ErrorCode::FileEncoding,
            Self::Cut { .. } => ErrorCode::FileCut,
            Self::OpenQuote { .. } => ErrorCode::FileOpenQuote,
            Self::QuoteTooLong { .. } => ErrorCode::FileQuoteTooLong,
            Self::LineTooLong { .. } => ErrorCode::FileLineTooLong,
            Self::QuoteSwallows { .. } => ErrorCode::FileQuoteSwallows,
            Self::Delimiter { .. } => ErrorCode::FileDelimiter,
            Self::OtherDelimiter { .. } => ErrorCode::FileOtherDelimiter,
            Self::Header { .. } => ErrorCode::FileHeader,
            Self::DuplicateColumn { .. } => ErrorCode::FileDuplicateColumn,
            Self::JsonArray { .. } => ErrorCode::FileJsonArray,
            Self::JsonSpread { .. } => ErrorCode::FileJsonSpread,
            Self::NoJson { .. } => ErrorCode::FileNoJson,
            Self::TrailerPattern { .. } => ErrorCode::FileTrailerPattern,
            Self::TrailerMissing { .. } => ErrorCode::FileTrailerMissing,
            Self::TrailerCount { .. } => ErrorCode::FileTrailerCount,
            Self::Position { .. } => ErrorCode::FilePosition,
        }
    }
}

impl Coded for MappingError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::UnknownField { .. } => ErrorCode::ColumnUnknownField,
            Self::UnknownColumn { .. } => ErrorCode::ColumnMissing,
            Self::AmbiguousColumn { .. } => ErrorCode::ColumnAmbiguous,
            Self::NoCustomerId { .. } => ErrorCode::ColumnNoCustomer,
            Self::DateFormat { .. } => ErrorCode::DateFormat,
            Self::DefaultCountry { .. } => ErrorCode::DefaultCountry,
        }
    }
}

impl Coded for Tripped {
    fn coded(&self) -> ErrorCode {
        match self.guard {
            Guard::Changes => ErrorCode::GuardChanges,
            Guard::New => ErrorCode::GuardNew,
            Guard::FirstInput => ErrorCode::GuardFirstInput,
            Guard::Invalid => ErrorCode::GuardInvalid,
            Guard::Missing => ErrorCode::GuardMissing,
            Guard::Sensitive(_) => ErrorCode::GuardSensitive,
        }
    }
}

impl Coded for IngestError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::File(error) => error.coded(),
            Self::Header { source, .. } => source.coded(),
            Self::Provider { .. } => ErrorCode::ConfigProvider,
            Self::Guard { tripped, .. } => tripped.coded(),
            Self::SeedWhileOpen { .. } => ErrorCode::UsageSeedWhileOpen,
            Self::OlderInput { .. } => ErrorCode::FileOlder,
            Self::Interrupted => ErrorCode::InputInterrupted,
            Self::TooMany { .. } => ErrorCode::FileTooMany,
            Self::RowChanged { .. } => ErrorCode::FileRowChanged,
            Self::Spill(_) => ErrorCode::FileSpool,
            Self::Store(error) => error.coded(),
        }
    }
}

impl Coded for StoreError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::File { .. } => ErrorCode::StateFile,
            Self::Locked { .. } => ErrorCode::StateLocked,
            Self::Foreign { .. } => ErrorCode::StateForeign,
            Self::Lost { .. } => ErrorCode::StateLost,
            Self::Stale { .. } => ErrorCode::StateStale,
            Self::Newer { .. } => ErrorCode::StateNewer,
            Self::WrongHashKey { .. } => ErrorCode::StateOtherKey,
            Self::NoKey { .. } => ErrorCode::StateNoKey,
            Self::BadKey { .. } => ErrorCode::StateBadKey,
            Self::NetworkFileSystem { .. } => ErrorCode::StateNetwork,
            Self::ManyNames { .. } => ErrorCode::StateManyNames,
            Self::Damaged { .. } => ErrorCode::StateDamaged,
            Self::GuardFailed { .. } => ErrorCode::StateOvertaken,
            Self::Illegal { .. } => ErrorCode::StateIllegal,
            Self::NoSuchCall(_) | Self::Leased(_) | Self::Undecidable { .. } => ErrorCode::UsageNoCall,
            Self::NoWriteAheadLog => ErrorCode::StateNoLog,
            Self::Sqlite { .. } if self.needs_a_person() => ErrorCode::StateDamaged,
            Self::Sqlite { .. } => ErrorCode::StateDatabase,
        }
    }
}

impl Coded for DispatchError {
    fn coded(&self) -> ErrorCode {
        match self {
            Self::Transport { .. } => ErrorCode::DispatchTransport,
            Self::Store(error) => error.coded(),
            Self::Start(_) => ErrorCode::DispatchStart,
            Self::WriterDied => ErrorCode::DispatchWriter,
            Self::LaneDied => ErrorCode::DispatchLane,
        }
    }
}

/// The code of a lane that stopped; a budget that the operator gave and a signal are no errors.
pub(super) fn of_stop(stop: StopReason) -> Option<ErrorCode> {
    match stop {
        StopReason::Denied => Some(ErrorCode::LaneDenied),
        StopReason::Contract => Some(ErrorCode::LaneContract),
        StopReason::Unavailable => Some(ErrorCode::LaneUnavailable),
        StopReason::MaxErrors => Some(ErrorCode::LaneMaxErrors),
        StopReason::CallsPerDay => Some(ErrorCode::LaneDayBudget),
        StopReason::MaxCalls | StopReason::MaxDuration | StopReason::Interrupted => None,
    }
}
