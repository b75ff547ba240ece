//! Stable codes of everything that can go wrong, with cause and cure.
//!
//! E1xx usage and configuration, E2xx input, E3xx guards, E4xx state, E5xx dispatch, E6xx files of a run. A code is
//! printed with its error and never changes its meaning; which error has which is said in `error_codes`.

macro_rules! codes {
    ($($variant:ident $code:literal $cause:literal $cure:literal;)*) => {
        /// What went wrong, by its stable name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $cause, "`")] $variant,)*
        }

        impl ErrorCode {
            /// All codes, in ascending order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is printed.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means.
            #[must_use]
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What to do about it.
            #[must_use]
            pub fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)* }
            }
        }
    };
}

codes! {
    UsageArguments "E100" "the command line is not understood"
        "`crmsync help COMMAND` lists what may be typed";
    UsageCustomer "E101" "a customer's key is missing or too long"
        "give the key as the CRM has it, 1 to 200 characters";
    UsageProvider "E102" "a provider was named that the configuration does not enable"
        "enable its section, or leave it out of --provider";
    UsageFileExists "E103" "the configuration is there already and is never overwritten"
        "name another file with --config, or move the old one away";
    UsageNoRun "E104" "there is no run to show yet"
        "run `crmsync sync` or `crmsync rehearse` first";
    UsageNoCall "E105" "no call with that number is one to decide on"
        "`crmsync rejects list` shows the numbers";
    UsageCode "E106" "the code is none that can be explained"
        "`crmsync explain-code` without arguments lists the program's own; `rejects list` shows the providers'";
    UsageSeedWhileOpen "E107" "a seed would overtake calls that are still on their way"
        "`crmsync resume` delivers them, or settle them; then seed";
    UsageNoSuchRun "E108" "a run was named that is not there"
        "`crmsync history` lists the runs";
    UsageNoBackup "E109" "a backup was named that is not there"
        "`crmsync doctor` lists the backups";
    ConfigUnreadable "E110" "the configuration cannot be read"
        "check path and rights, and that it is text in UTF-8; `crmsync init --from FILE` writes one where none is";
    ConfigInvalid "E111" "the configuration says something that is not allowed"
        "the message marks line and column; `crmsync check --schema` prints what is allowed";
    ConfigProvider "E112" "a provider's section cannot work"
        "the message names the key and what would be right";
    SecretMissing "E120" "a secret is not to be had"
        "set the variable, mend the file or the command that the message names; `crmsync check` tries again";
    SandboxStart "E130" "the simulators cannot start"
        "choose another --port; the message says why";
    ScenarioInvalid "E131" "the scenario file cannot be used"
        "the message names the rule; samples/scenario-stormy.toml is an example";
    FaultUnknown "E132" "CRMSYNC_FAULT names no crash point"
        "unset it: it is for tests";
    FileOpen "E200" "an input file cannot be opened"
        "check its path and rights";
    FileRead "E201" "reading an input file broke off"
        "check the disk or the network share, then run again";
    FileSpool "E202" "no temporary copy of an input could be written"
        "see that there is a temporary folder (TMPDIR), with room, that may be written to";
    FileEmpty "E203" "an input file is empty"
        "look why the export wrote nothing; a full export with its header was expected";
    FileChanged "E204" "an input file changed while it was read"
        "wait until the export has finished; best let it write under another name and rename";
    FileCompressed "E205" "a compressed input is cut or damaged"
        "transfer it again";
    FileTooLarge "E206" "an input is larger than one run takes when decoded"
        "split it into several files";
    FileNotText "E207" "an input is no text"
        "export it as CSV or JSONL, plain, .gz or .zst";
    FileEncoding "E208" "the encoding contradicts the setting or cannot be told"
        "set input.encoding to what the message says";
    FileCut "E209" "an input ends inside a record"
        "transfer the whole file again";
    FileOpenQuote "E210" "a quote is never closed"
        "transfer the file again, or double the quotes inside values";
    FileQuoteTooLong "E211" "a record with a quote is longer than any record"
        "close the quote at the line that the message names";
    FileLineTooLong "E212" "a line is longer than any record"
        "check the line ends of the file";
    FileQuoteSwallows "E213" "a stray quote swallowed whole lines"
        "close the quote, or double the quotes inside values";
    FileDelimiter "E214" "no known delimiter divides the header"
        "export with one of , ; tab or a vertical bar";
    FileOtherDelimiter "E215" "the configured delimiter does not divide the header, another one does"
        "set input.delimiter to \"auto\"";
    FileHeader "E216" "the first line is no header"
        "export with the names of the columns";
    FileDuplicateColumn "E217" "two columns have one name"
        "rename one of them in the export";
    FileJsonArray "E218" "a JSON array where one object a line was expected"
        "convert it with `jq -c '.[]'`";
    FileJsonSpread "E219" "a JSON object over several lines"
        "convert it with `jq -c .`";
    FileTrailerPattern "E220" "the configured trailer is no usable pattern"
        "write a regular expression with one group, the number of rows";
    FileTrailerMissing "E221" "the last line is not the configured trailer"
        "transfer the whole file again";
    FileTrailerCount "E222" "the trailer counts other rows than were read"
        "transfer the whole file again";
    FilePosition "E223" "a row is no longer where it was"
        "the file changed while it was used: run again";
    FileRowChanged "E224" "a row changed between two readings"
        "wait until the export has finished, then run again";
    FileTooMany "E225" "more files or rows than one run takes"
        "split the input";
    FileOlder "E226" "the newest file is older than an input accepted before"
        "send the newest export; --allow-older if this one is meant";
    FileNoJson "E227" "no line of an input is a JSON object"
        "name the right format with --format or input.format, or export JSON lines";
    InputInterrupted "E228" "a signal ended the run while the input was taken in"
        "run the same command again";
    ColumnUnknownField "E230" "[columns] names something that is no canonical field"
        "`crmsync fields` lists them";
    ColumnMissing "E231" "[columns] maps a field to a column that the file does not have"
        "correct the name, or take the line out";
    ColumnAmbiguous "E232" "two columns could be the one of a field"
        "name one of them in [columns]";
    ColumnNoCustomer "E233" "the file has no column for customer_id"
        "name it in [columns]";
    DateFormat "E234" "a form in date_formats cannot read a day"
        "use %d, %m and %Y";
    DefaultCountry "E235" "default_country is no country"
        "write two letters such as \"FR\"";
    GuardChanges "E300" "more customers would change than guard.max_changes allows"
        "look at `crmsync plan`; if it is meant, --allow-mass-change";
    GuardNew "E301" "more customers are new than guard.max_new allows"
        "look at `crmsync plan`; if it is meant, --allow-mass-change";
    GuardFirstInput "E302" "many customers are new while none is known"
        "`crmsync seed FILE` if the providers hold them already, else --allow-mass-change";
    GuardInvalid "E303" "more rows are invalid than guard.max_invalid allows"
        "correct the file, or --allow-mass-change";
    GuardMissing "E304" "more known customers are missing than guard.max_missing allows"
        "check that the export is complete; kind = \"delta\" if it need not be";
    GuardSensitive "E305" "more values of a sensitive field would change than guard.sensitive allows"
        "check for a shifted column; if it is meant, --allow-mass-change";
    StateFile "E400" "a file or folder of the state cannot be made, opened or secured"
        "check path, owner and rights";
    StateLocked "E401" "another run holds the state"
        "wait until it ends; `crmsync status` works meanwhile";
    StateForeign "E402" "the file named as state belongs to another program"
        "name the right one with --state or state.path";
    StateNewer "E403" "a newer crmsync wrote the state"
        "update the program; nothing was changed";
    StateOtherKey "E404" "the state was made with another hash key"
        "restore the key file or state.hash_key";
    StateBadKey "E405" "the hash key is not usable"
        "restore the key file or state.hash_key: at least 16 bytes";
    StateNetwork "E406" "the state lies on a network file system"
        "move it to a local disk";
    StateDamaged "E407" "the state is damaged"
        "`crmsync doctor`, then `crmsync doctor --restore BACKUP`";
    StateOvertaken "E408" "a call was not in the state that a step was decided for; nothing was written"
        "run again; if it comes back, report it";
    StateIllegal "E409" "a call met an event that its state does not know: a fault of the program"
        "keep events.jsonl and report it";
    StateNoLog "E410" "the state cannot keep a write-ahead log"
        "free the disk or mend it, then run again";
    StateDatabase "E411" "SQLite could not read or write the state"
        "free the disk, or mend it or the rights there, then run the same command again; once the input was accepted, `crmsync resume` is enough";
    StateRestored "E412" "the state was put back from a backup"
        "`crmsync sync FILE --kind full --allow-mass-change` with the newest complete file";
    StateBooking "E413" "an answer could not be booked in the state"
        "free the disk or mend it, then `crmsync resume`: what was on its way is repeated or probed";
    StateManyNames "E414" "the file of the state has several names, each with a lock and a log of its own"
        "keep the name that runs used last and delete the other hard links";
    StateLost "E415" "the state is missing or empty, although there are backups of it"
        "`crmsync doctor --restore BACKUP`; if a new beginning is meant, move the backups, the key and the lock file away";
    StateNoKey "E416" "the file of the hash key is missing or cannot be read"
        "bring the key file or state.hash_key back: state and backups are useless without it";
    StateStale "E417" "the state is older than what was sent from it: a backup or a copy was put in its place"
        "do what the message says; whatever `crmsync doctor --restore FILE` puts in place probes first";
    DispatchTransport "E500" "no connection to a provider can be made"
        "check base_url and the certificates of this machine";
    DispatchStart "E501" "the dispatcher could not start"
        "check limits of threads and open files (ulimit)";
    DispatchWriter "E502" "the writer of the state died: a fault of the program"
        "`crmsync resume` recovers; report it";
    DispatchLane "E503" "a lane of the dispatcher died: a fault of the program"
        "`crmsync resume` recovers; report it";
    LaneDenied "E510" "a provider refused credentials or permissions"
        "mend the secret or the rights there, `crmsync check`, then `crmsync resume`";
    LaneContract "E511" "an answer is none that the provider's contract knows"
        "check base_url and protocol; where one call alone gets it, correct the customer, or class its `http_…` code in response_codes or error_codes";
    LaneUnavailable "E512" "a provider was down, or throttled every call, for longer than outage_patience"
        "`crmsync resume` when it is back; nothing is lost";
    LaneMaxErrors "E513" "max_errors was reached"
        "`crmsync rejects list` shows why; then `crmsync resume`";
    LaneDayBudget "E514" "calls_per_day was reached"
        "nothing: the rest goes tomorrow, oldest first";
    RunFile "E600" "a file of a run cannot be written"
        "check the folder state.runs and the disk";
    ReportUnreadable "E601" "a report cannot be read"
        "`crmsync history` lists the runs that have one";
    ReportMalformed "E602" "a report is none that this program understands"
        "use the version that wrote it";
    ReportPage "E603" "the page of a run cannot be made: a fault of the program"
        "report it; report.json has the same counts";
    Output "E604" "output could not be written"
        "check the disk and where standard output goes";
    NotifyFailed "E610" "notify.command did not go out"
        "run it by hand with a report.json on its standard input; it has 10 seconds";
}

impl ErrorCode {
    /// The code with that name, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn codes_ascend_and_each_has_a_cause_and_a_cure() {
        let names: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names, sorted.into_iter().collect::<Vec<_>>(), "in order, and none twice");
        for code in ErrorCode::ALL {
            assert!(code.cause().len() > 10 && code.cure().len() > 10, "{code:?}");
            assert_eq!(ErrorCode::parse(&code.name().to_lowercase()), Some(*code));
        }
    }

    fn sources(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("error_code.rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn no_code_is_without_an_error() {
        let mut text = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut text);
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric() && c != ':').collect();
        for code in ErrorCode::ALL {
            assert!(words.contains(format!("ErrorCode::{code:?}").as_str()), "{code:?} is not used");
        }
    }
}
