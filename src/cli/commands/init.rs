//! `init`: a commented configuration to start from. Never overwrites one.

use crate::cli::Program;
use crate::cli::arguments::InitArguments;
use crate::cli::error_code::ErrorCode;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::field::Field;
use crate::mapping::aliases::{self, Proposal};
use crate::reader::{self, Sniffed};
use crate::report::next_step;
use crate::report::run_files::write_new_private;
use crate::report::shown::Shown;
use crate::report::text::Context;

/// The commented configuration. A line that begins with `#` and no space is a setting to be uncommented.
const TEMPLATE: &str = include_str!("init_template.toml");

/// What begins the examples under `[columns]`, which real columns take the place of.
const EXAMPLES: [&str; 2] = ["#customer_id = ", "#first_name = "];

/// Writes the configuration file.
pub(super) fn init(program: &Program, arguments: &InitArguments) -> Result<ExitCode, Failure> {
    let path = &program.global.config;
    if path.exists() {
        let message = format!("`{}` is there already; name another one with --config", path.display());
        return Err(Failure::told(ExitCode::Usage, ErrorCode::UsageFileExists, message));
    }
    let text = match &arguments.from {
        Some(file) => proposed(&reader::sniff(file)?),
        None => TEMPLATE.to_owned(),
    };
    write_new_private(path, text.as_bytes())?;
    let shown = path.display();
    let repeated = program.repeated_arguments();
    let context = Context { arguments: &repeated, ..Context::default() };
    let file = arguments.from.as_ref().map(|file| file.display().to_string());
    let words: Vec<&str> = ["check"].into_iter().chain(file.as_deref()).collect();
    let next = next_step::command(&words, &context);
    program.console.talk(&format!("wrote {shown}; uncomment the providers you have\nnext: {next}"))?;
    Ok(ExitCode::Complete)
}

/// The template with what a file says about itself.
fn proposed(sniffed: &Sniffed) -> String {
    let proposals = aliases::propose(&sniffed.header);
    let order_by =
        proposals.iter().find(|proposal| proposal.sure && proposal.field == Some(Field::UpdatedAt));
    let delimiter = sniffed.delimiter.map(|byte| char::from(byte).to_string());
    let settings = [
        ("format = ", Some(sniffed.format.to_string())),
        ("encoding = ", Some(sniffed.encoding.to_owned())),
        ("delimiter = ", delimiter),
        ("#order_by = ", order_by.map(|proposal| proposal.column.clone())),
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

/// A line of the template with another value, uncommented; its comment stays.
fn replaced(line: &str, key: &str, value: &str) -> String {
    let setting = format!("{}{}", key.trim_start_matches('#'), quoted(value));
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
    fn every_commented_setting_is_one() {
        let uncomment = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
            Some(_) | None => line.to_owned(),
        };
        let all: Vec<String> = TEMPLATE.lines().map(uncomment).collect();
        if let Err(error) = Config::parse(&all.join("\n"), "template") {
            unreachable!("{error}");
        }
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
