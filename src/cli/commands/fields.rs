//! `fields`: what the program's field tables say, for people who map a CRM: as text, as JSON, as Markdown.

use serde::Serialize;

use crate::cli::Program;
use crate::cli::arguments::FieldsArguments;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::domain::field::{Field, SUBSCRIPTION_PREFIX, Sensitivity};
use crate::domain::provider::ProviderId;
use crate::domain::wire::WireField;
use crate::providers::{CHARS_UNLIMITED, field_table};
use crate::report::table::aligned;

/// How the one field that every CRM numbers for itself is shown.
const SUBSCRIPTION_ID: &str = "<id>";
const SUBSCRIPTION_WIRE: &str = "SubscriptionRequest[]";

#[derive(Debug, Serialize)]
struct Canonical {
    field: String,
    sensitivity: &'static str,
    /// The wire fields that it becomes.
    sent_as: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Wire {
    name: &'static str,
    sources: Vec<String>,
    format: &'static str,
    /// Fewest and most; without a most where the document gives none.
    characters: (usize, Option<usize>),
    sensitivity: &'static str,
    /// Whether an empty text can be sent to clear it.
    can_be_empty: bool,
    document: &'static str,
}

/// A table that can be shown in three ways.
struct Sheet {
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
    /// The leading columns that hold names, not words.
    names: usize,
}

/// Prints the canonical fields, or the field table of a provider.
pub(super) fn fields(program: &Program, arguments: &FieldsArguments) -> Result<ExitCode, Failure> {
    match arguments.provider {
        Some(provider) => show(program, arguments, &of_provider(provider), wire_sheet)?,
        None => show(program, arguments, &canonical(), canonical_sheet)?,
    }
    Ok(ExitCode::Complete)
}

fn show<T: Serialize>(
    program: &Program,
    arguments: &FieldsArguments,
    lines: &[T],
    sheet: fn(&[T]) -> Sheet,
) -> Result<(), Failure> {
    if program.console.is_json() {
        return Ok(program.console.json(&lines)?);
    }
    let sheet = sheet(lines);
    let text = if arguments.markdown {
        markdown(&sheet)
    } else {
        format!("{}\n", aligned(sheet.header, sheet.rows, &[]))
    };
    Ok(program.console.text(&text)?)
}

fn canonical() -> Vec<Canonical> {
    let named = Field::NAMED.iter().map(|field| Canonical {
        field: field.name().into_owned(),
        sensitivity: word(field.sensitivity()),
        sent_as: sent_as(*field),
    });
    let subscription = Canonical {
        field: format!("{SUBSCRIPTION_PREFIX}{SUBSCRIPTION_ID}"),
        sensitivity: word(Field::Subscription(0).sensitivity()),
        sent_as: vec![format!("{} {SUBSCRIPTION_WIRE}", ProviderId::Wsone)],
    };
    named.chain([subscription]).collect()
}

fn sent_as(field: Field) -> Vec<String> {
    let of = |provider: ProviderId| {
        let carries = move |wire: &&WireField| wire.sources.contains(&field);
        field_table(provider).iter().filter(carries).map(move |wire| format!("{provider} {}", wire.name))
    };
    ProviderId::ALL.into_iter().flat_map(of).collect()
}

fn of_provider(provider: ProviderId) -> Vec<Wire> {
    let subscription = (provider == ProviderId::Wsone).then(|| Wire {
        name: SUBSCRIPTION_WIRE,
        sources: vec![format!("{SUBSCRIPTION_PREFIX}{SUBSCRIPTION_ID}")],
        format: "{\"activate\": true or false, \"id\": <id>}; only those that changed",
        characters: (1, None),
        sensitivity: word(Field::Subscription(0).sensitivity()),
        can_be_empty: false,
        document: field_table(provider).first().map_or("", |field| field.document),
    });
    field_table(provider).iter().map(wire).chain(subscription).collect()
}

fn wire(field: &WireField) -> Wire {
    let (least, most) = field.chars;
    Wire {
        name: field.name,
        sources: field.sources.iter().map(|source| source.name().into_owned()).collect(),
        format: field.format,
        characters: (least, (most != CHARS_UNLIMITED).then_some(most)),
        sensitivity: word(field.sensitivity()),
        can_be_empty: field.can_be_empty,
        document: field.document,
    }
}

fn canonical_sheet(lines: &[Canonical]) -> Sheet {
    let row =
        |line: &Canonical| vec![line.field.clone(), line.sensitivity.to_owned(), line.sent_as.join(", ")];
    Sheet { header: &["field", "sensitivity", "sent as"], rows: lines.iter().map(row).collect(), names: 1 }
}

fn wire_sheet(lines: &[Wire]) -> Sheet {
    let row = |line: &Wire| {
        vec![
            line.name.to_owned(),
            line.sources.join(", "),
            line.format.to_owned(),
            size(line.characters),
            line.sensitivity.to_owned(),
            line.document.to_owned(),
        ]
    };
    Sheet {
        header: &["wire field", "from", "form", "characters", "sensitivity", "document"],
        rows: lines.iter().map(row).collect(),
        names: 2,
    }
}

/// Sizes as the documents give them: nothing where they give none.
fn size((least, most): (usize, Option<usize>)) -> String {
    match most {
        None => String::new(),
        Some(most) if most == least => most.to_string(),
        Some(most) => format!("{least}-{most}"),
    }
}

fn word(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Plain => "plain",
        Sensitivity::Personal => "personal",
        Sensitivity::Secret => "secret",
    }
}

fn markdown(sheet: &Sheet) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = sheet.header.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(sheet.header.len()));
    let rows = sheet.rows.iter().map(|row| {
        line(row.iter().enumerate().map(|(place, cell)| markdown_cell(cell, place < sheet.names)).collect())
    });
    [line(header), rule].into_iter().chain(rows).collect()
}

/// A cell of names is set as code, name by name; in words the characters that Markdown takes for its own are kept.
fn markdown_cell(cell: &str, holds_names: bool) -> String {
    if holds_names {
        return cell.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    }
    cell.chars().fold(String::new(), |mut text, character| {
        if matches!(character, '|' | '*' | '<' | '>' | '#' | '_') {
            text.push('\\');
        }
        text.push(character);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_documents() {
        let of = |name: &str| {
            let lines = ProviderId::ALL.into_iter().flat_map(of_provider);
            lines.filter(|line| line.name == name).map(|line| size(line.characters)).next().unwrap()
        };
        assert_eq!(of("newFirstName"), "2-256");
        assert_eq!(of("newBirthDate"), "10");
        assert_eq!(of("PersonRequest.firstName"), "");
    }

    #[test]
    fn no_form_can_break_a_markdown_table() {
        for provider in ProviderId::ALL {
            let lines = of_provider(provider);
            let text = markdown(&wire_sheet(&lines));
            assert_eq!(text.lines().count(), lines.len() + 2);
            assert!(text.lines().all(|line| line.replace("\\|", "").matches('|').count() == 7), "{text}");
        }
    }
}
