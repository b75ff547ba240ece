//! `init`: a commented configuration to start from. Never overwrites one.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;

use crate::cli::Program;
use crate::cli::arguments::InitArguments;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::field::Field;
use crate::domain::raw_cell::RawCell;
use crate::mapping::aliases::{self, Proposal};
use crate::mapping::{MappingSettings, propose_forms};
use crate::reader::{self, ReaderSettings, Row, Sniffed};
use crate::report::next_step;
use crate::report::run_files::{FileError, write_new_private};
use crate::report::shown::Shown;
use crate::report::text::Context;

use super::inputs::{is_standard_input, look_into};

/// The commented configuration. A line that begins with `#` and no space is a setting to be uncommented; `# example:` is
/// none, because it has no default.
const TEMPLATE: &str = include_str!("init_template.toml");

/// What begins the examples under `[columns]`, which real columns take the place of.
const EXAMPLES: [&str; 2] = ["#customer_id = ", "#first_name = "];

/// A proposal without the customer's key is refused by every command that reads the file.
const NO_KEY: &str = "no column looks like the customer's key; name it under [columns] as customer_id, and if the \
                      names there are no column names, take away what stands above the header of the file\n";

/// Writes the configuration file.
pub(super) fn init(program: &Program, arguments: &InitArguments) -> Result<ExitCode, Failure> {
    let path = &program.global.config;
    if path.exists() {
        let message = format!("`{}` is there already; name another one with --config", path.display());
        return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageFileExists, message));
    }
    // Everything is left to "auto": there is no configuration yet.
    let sniff = |path| look_into(path, &ReaderSettings::default()).and_then(|input| reader::sniff(&input));
    let sniffed = arguments.from.as_deref().map(sniff).transpose()?;
    let text = sniffed.as_ref().map_or_else(|| TEMPLATE.to_owned(), proposed);
    let write = |mut file: File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    write_new_private(path, |file| write(file).map_err(FileError::writing(path)))?;
    let shown = path.display();
    let repeated = program.repeated_arguments();
    let context = Context { arguments: &repeated, ..Context::default() };
    let again = arguments.from.as_ref().filter(|file| !is_standard_input(file));
    let file = again.map(|file| file.display().to_string());
    let words: Vec<&str> = ["check"].into_iter().chain(file.as_deref()).collect();
    let next = next_step::command(&words, &context);
    let key = if sniffed.as_ref().is_some_and(has_no_key) { NO_KEY } else { "" };
    let told = format!("wrote {shown}; uncomment the providers you have\n{key}next: {next}");
    program.console.done(&serde_json::json!({ "file": path.display().to_string() }), &told)?;
    Ok(ExitCode::Complete)
}

/// The template with what a file says about itself.
fn proposed(sniffed: &Sniffed) -> String {
    let proposals = aliases::propose(&sniffed.header);
    let order_by =
        proposals.iter().find(|proposal| proposal.sure && proposal.field == Some(Field::UpdatedAt));
    let delimiter = sniffed.delimiter.map(|byte| char::from(byte).to_string());
    let text = |value: String| Some(toml::Value::from(value));
    let settings = [
        ("format = ", text(sniffed.format.to_string())),
        ("encoding = ", text(sniffed.encoding.to_owned())),
        ("delimiter = ", delimiter.and_then(text)),
        ("#order_by = ", order_by.and_then(|proposal| text(proposal.column.clone()))),
        ("date_formats = ", date_forms(sniffed, &proposals)),
    ];
    let mut text = String::with_capacity(TEMPLATE.len());
    for line in TEMPLATE.lines().filter(|line| !EXAMPLES.iter().any(|example| line.starts_with(example))) {
        let setting = settings.iter().find(|(key, value)| line.starts_with(key) && value.is_some());
        match setting {
            Some((key, Some(value))) => text.push_str(&replaced(line, key, value)),
            Some((_, None)) | None => text.push_str(line),
        }
        text.push('\n');
        if line == "[columns]" {
            text.push_str(&columns(&proposals));
        }
    }
    text
}

fn has_no_key(sniffed: &Sniffed) -> bool {
    !aliases::propose(&sniffed.header).iter().any(|proposal| proposal.field == Some(Field::CustomerId))
}

/// How the file writes days, unless the template reads them anyway: those of customers, and those that order rows.
fn date_forms(sniffed: &Sniffed, proposals: &[Proposal]) -> Option<toml::Value> {
    let column = |name: &str| proposals.iter().find(|proposal| proposal.column == name);
    let cells = sniffed.sample.iter().flat_map(Row::columns);
    let days = cells.filter_map(|(name, cell)| match (column(&name)?, cell) {
        (Proposal { field: Some(Field::UpdatedAt), sure: true, .. }, RawCell::Text(time)) => {
            // A time of day may follow, whatever the form of the day; what begins with the year needs no form.
            let day = time.split_whitespace().next()?;
            let is_short = day.find(['/', '.', '-']).is_some_and(|at| at <= 2);
            is_short.then(|| Cow::from(day.to_owned()))
        }
        (proposal, RawCell::Text(day)) if proposal.field.is_some_and(is_day) => Some(day),
        (_, RawCell::Text(_) | RawCell::Nested(_) | RawCell::Null | RawCell::Absent) => None,
    });
    let days: Vec<_> = days.collect();
    let is_time = |field: Field| field == Field::UpdatedAt || is_day(field);
    let mut times = sniffed.sample.iter().flat_map(Row::columns).filter_map(|(name, cell)| match cell {
        RawCell::Text(text) => column(&name)?.field.filter(|field| is_time(*field)).map(|_| text),
        RawCell::Nested(_) | RawCell::Null | RawCell::Absent => None,
    });
    let twelve_hours = times.any(|time| is_of_twelve_hours(&time));
    let forms = propose_forms(days.iter().map(AsRef::as_ref), twelve_hours);
    let default = MappingSettings::default().date_formats;
    forms.iter().any(|form| !default.contains(form)).then(|| toml::Value::from(forms))
}

/// Whether it is a day with slashes and a time in the morning or afternoon: "7/3/2026 4:05 PM".
fn is_of_twelve_hours(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, time, half] = words[..] else { return false };
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    day.split('/').count() == 3
        && day.split('/').all(are_digits)
        && time.contains(':')
        && time.split(':').all(are_digits)
        && (half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM"))
}

fn is_day(field: Field) -> bool {
    matches!(field, Field::BirthDate | Field::IdentityDocumentIssuedOn | Field::IdentityDocumentExpiresOn)
}

/// A line of the template with another value, uncommented; its comment stays.
fn replaced(line: &str, key: &str, value: &toml::Value) -> String {
    let setting = format!("{}{value}", key.trim_start_matches('#'));
    match line.find("  #") {
        Some(comment) => format!("{setting:<28} {}", line.get(comment..).unwrap_or_default().trim_start()),
        None => setting,
    }
}

fn columns(proposals: &[Proposal]) -> String {
    let line = |proposal: &Proposal| {
        let column = quoted(&proposal.column);
        match (proposal.field, proposal.sure) {
            (Some(field), true) => format!("{field} = {column}\n"),
            (Some(field), false) => format!("{field} = {column}   # a guess: look at it\n"),
            (None, _) => format!("# not used: {}\n", Shown(&proposal.column)),
        }
    };
    proposals.iter().filter(|proposal| !proposal.column.is_empty()).map(line).collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::Config;
    use crate::reader::Format;

    #[test]
    fn the_template_says_the_defaults() {
        let written = Config::parse(TEMPLATE, "template").unwrap();
        let default = Config::default();
        assert_eq!(written.input, default.input);
        assert_eq!(written.columns, default.columns);
        assert_eq!(written.state, default.state);
        assert_eq!(written.guard, default.guard);
        assert_eq!(written.dispatch, default.dispatch);
    }

    #[test]
    fn every_commented_setting_is_one_and_none_of_them_is_invented() {
        let uncommented = |with_examples: bool| {
            let uncomment = |line: &str| match (line.strip_prefix('#'), line.strip_prefix("# example: ")) {
                (_, Some(example)) if with_examples => example.to_owned(),
                (Some(setting), _) if !setting.starts_with(' ') => setting.to_owned(),
                (Some(_) | None, _) => line.to_owned(),
            };
            let all: Vec<String> = TEMPLATE.lines().map(uncomment).collect();
            match Config::parse(&all.join("\n"), "template") {
                Ok(config) => config.providers,
                Err(error) => unreachable!("{error}"),
            }
        };
        let examples = uncommented(true).wsone.expect("uncommented");
        assert!(examples.entity.is_some() && !examples.response_codes.is_empty());
        let wsone = uncommented(false).wsone.expect("uncommented");
        assert_eq!((wsone.entity, wsone.identifier_type, wsone.common.calls_per_day), (None, None, None));
        assert!(wsone.titles.is_empty() && wsone.street_types.is_empty() && wsone.response_codes.is_empty());
    }

    #[test]
    fn what_a_file_says_about_itself_is_proposed() {
        let header = [
            "CODE_CLIENT",
            "Prénom",
            "couleur\u{1b}[2J",
            "",
            "Contact: Email",
            "Mis \"à\" jour",
            "UpdatedAt",
        ];
        let sniffed = Sniffed {
            format: Format::Csv,
            encoding: "windows-1252",
            delimiter: Some(b'\t'),
            header: header.map(str::to_owned).to_vec(),
            sample: Vec::new(),
        };
        let text = proposed(&sniffed);
        let config = Config::parse(&text, "proposal").unwrap();
        assert_eq!(config.columns.0[&Field::CustomerId], "CODE_CLIENT");
        assert_eq!(config.input.order_by.as_deref(), Some("UpdatedAt"));
        let head = text.lines().skip_while(|line| *line != "[input]").take_while(|line| *line != "[state]");
        insta::assert_snapshot!(head.collect::<Vec<_>>().join("\n"));
    }
}
