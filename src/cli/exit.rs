//! Exit codes: what the program tells its caller, and which one wins when several apply.

use crate::report::report_json::Outcome;
use crate::report::text::INFALLIBLE;

/// What the program tells its caller. A code that is not listed must be treated as failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitCode {
    /// 0.
    Complete,
    /// 1.
    Failed,
    /// 2.
    Usage,
    /// 3.
    Partial,
    /// 4.
    Guarded,
    /// 5.
    Unavailable,
    /// 6.
    TooManyErrors,
    /// 7.
    PersonMustAct,
    /// 10.
    BudgetUsed,
    /// 11.
    AnotherRun,
    /// 20.
    Changes,
    /// 129.
    HungUp,
    /// 130.
    Interrupted,
    /// 143.
    Terminated,
}

/// The order in which codes win when several apply. A signal gives way only to what a person must see to, and rows that
/// did not get through to why nothing was sent at all; the codes that are not here stand alone.
const PRECEDENCE: [ExitCode; 11] = [
    ExitCode::PersonMustAct,
    ExitCode::Failed,
    ExitCode::HungUp,
    ExitCode::Interrupted,
    ExitCode::Terminated,
    ExitCode::TooManyErrors,
    ExitCode::BudgetUsed,
    ExitCode::Unavailable,
    ExitCode::Guarded,
    ExitCode::Usage,
    ExitCode::Partial,
];

impl ExitCode {
    /// Ends the program here and now, wherever its other threads are: the main one waits for somebody who does not come. What
    /// was committed stays, and nothing else.
    pub fn leave(self) -> ! {
        std::process::exit(i32::from(self.number()))
    }

    /// All codes, in ascending order.
    pub const ALL: [Self; 14] = [
        Self::Complete,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::Guarded,
        Self::Unavailable,
        Self::TooManyErrors,
        Self::PersonMustAct,
        Self::BudgetUsed,
        Self::AnotherRun,
        Self::Changes,
        Self::HungUp,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the caller sees.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Guarded => 4,
            Self::Unavailable => 5,
            Self::TooManyErrors => 6,
            Self::PersonMustAct => 7,
            Self::BudgetUsed => 10,
            Self::AnotherRun => 11,
            Self::Changes => 20,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What it means, for `--help` and manual pages.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "everything that was to be delivered is",
            Self::Failed => "unexpected failure (I/O, state)",
            Self::Usage => "usage or configuration error",
            Self::Partial => {
                "finished, but rows or fields became invalid, calls were refused or held in this run"
            }
            Self::Guarded => {
                "a guard, or the file itself, stopped the run: nothing was queued, nothing was sent"
            }
            Self::Unavailable => {
                "a provider was unavailable, or calls used up their attempts; they stay queued, run again"
            }
            Self::TooManyErrors => "max_errors reached; the rest stays queued",
            Self::PersonMustAct => {
                "a person must act: credentials refused, state corrupt, older than what was sent, or newer than the program"
            }
            Self::BudgetUsed => "max_duration, --max-calls or calls_per_day reached; the rest stays queued",
            Self::AnotherRun => "another run holds the state",
            Self::Changes => "plan --detailed-exitcode: there are changes",
            Self::HungUp => "interrupted by SIGHUP after draining and checkpointing",
            Self::Interrupted => "interrupted by SIGINT after draining and checkpointing",
            Self::Terminated => "interrupted by SIGTERM after draining and checkpointing",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Complete => "nothing",
            Self::Failed => "read the message; nothing accepted is lost: repair the cause and run again",
            Self::Usage => {
                "correct the command line or the configuration; `crmsync check` names what is wrong"
            }
            Self::Partial => {
                "look at rejects.csv of the run, or `crmsync rejects list`; what was delivered stays delivered"
            }
            Self::Guarded => {
                "look at the file and at `crmsync plan`; if it is meant, the message names the flag that lets it pass"
            }
            Self::Unavailable => "run again later, or `crmsync resume`; nothing is lost",
            Self::TooManyErrors => {
                "find the cause with `crmsync rejects list` and `crmsync explain-code`, then `crmsync resume`"
            }
            Self::PersonMustAct => {
                "read the message: check credentials and rights at the provider, or `crmsync doctor` for the state"
            }
            Self::BudgetUsed => "nothing: the next run sends the rest, oldest first; or `crmsync resume`",
            Self::AnotherRun => "wait for the other run; `crmsync status` works all the time",
            Self::Changes => "run `crmsync sync` with the same files",
            Self::HungUp | Self::Interrupted | Self::Terminated => {
                "type what `crmsync status` proposes: `crmsync resume`, or the same command again where its input was not accepted \
                 yet (E228)"
            }
        }
    }

    /// The word for it in `report.json`.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Complete | Self::Changes => Outcome::Complete,
            Self::Partial => Outcome::Partial,
            Self::Guarded => Outcome::Guarded,
            Self::TooManyErrors | Self::BudgetUsed => Outcome::Stopped,
            Self::Unavailable => Outcome::Unavailable,
            Self::PersonMustAct => Outcome::Denied,
            Self::HungUp | Self::Interrupted | Self::Terminated => Outcome::Interrupted,
            Self::Failed | Self::Usage | Self::AnotherRun => Outcome::Failed,
        }
    }

    /// The code of a run to which all of these apply; [`Complete`](Self::Complete) when there is none.
    #[must_use]
    pub fn of_run(found: &[Self]) -> Self {
        let first = PRECEDENCE.into_iter().find(|code| found.contains(code));
        first.or(found.first().copied()).unwrap_or(Self::Complete)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// All codes with their meaning, as `--help` ends.
#[must_use]
pub fn help() -> String {
    use std::fmt::Write;
    ExitCode::ALL.iter().fold("Exit codes:\n".to_owned(), |mut text, code| {
        writeln!(text, "  {:>3}  {}", code.number(), code.meaning()).expect(INFALLIBLE);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{self, *};

    #[test]
    fn numbers_are_those_of_the_contract() {
        let numbers = ExitCode::ALL.map(ExitCode::number);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 20, 129, 130, 143]);
    }

    #[test]
    fn the_gravest_code_wins() {
        let cases: [(&[ExitCode], u8); 12] = [
            (&[], 0),
            (&[Partial], 3),
            // 7, 1, 6, 10, 5, 3: each gives way to the one before it.
            (&[Partial, Unavailable], 5),
            (&[Unavailable, BudgetUsed], 10),
            (&[BudgetUsed, TooManyErrors], 6),
            (&[TooManyErrors, Failed], 1),
            (&[Failed, PersonMustAct], 7),
            (&[Partial, Unavailable, BudgetUsed, TooManyErrors, Failed, PersonMustAct], 7),
            // A signal is why the rest is not done.
            (&[Partial, Unavailable, Terminated], 143),
            (&[Interrupted, PersonMustAct], 7),
            // Why nothing was sent.
            (&[Partial, Guarded], 4),
            (&[Partial, Usage], 2),
        ];
        for (found, number) in cases {
            assert_eq!(ExitCode::of_run(found).number(), number, "{found:?}");
        }
    }
}
