//! Which column of the file holds which canonical field.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::error::{MappingError, Nearest};
use super::settings::MappingSettings;
use crate::domain::field::{Field, SUBSCRIPTION_PREFIX};
use crate::domain::fold;
use crate::domain::raw_cell::{BETWEEN_MEMBERS, RawCell};
use crate::domain::wire::FieldCode;

/// Likeness (0 to 1) from which a name is worth suggesting.
const LIKENESS_MIN: f64 = 0.6;

/// A column to fetch, and the field that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// The canonical field.
    pub field: Field,
    /// The column as the file names it; for JSONL the key or JSON pointer.
    pub column: Arc<str>,
}

/// The subscription that a column or key of that name holds: `subscription_<id>`, compared as headers are.
#[must_use]
pub(super) fn subscription_field(key: &str) -> Option<Field> {
    let folded = fold::header(key);
    let id = folded.strip_prefix(SUBSCRIPTION_PREFIX.trim_end_matches('_'))?;
    let sign = key.trim_end().trim_end_matches(|last: char| last.is_ascii_digit()).strip_suffix('-');
    let is_negative = sign.is_some_and(|name| !name.ends_with(char::is_alphanumeric));
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) || is_negative || is_ignored(key) {
        return None;
    }
    // "subscription_1_2" is neither 1 nor 12.
    if !key.trim_end_matches(|last: char| !last.is_ascii_digit()).ends_with(id) {
        return None;
    }
    let id = id.parse().ok()?;
    FieldCode::subscription(id).map(|_| Field::Subscription(id))
}

/// Columns whose name begins with `_` are the program's own, and ignored on input unless `[columns]` names them.
pub(super) fn is_ignored(column: &str) -> bool {
    column.starts_with('_')
}

/// Where a column is in a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    At(&'a str),
    Nowhere,
    Twice(&'a str, &'a str),
}

/// A header prepared for look-ups.
pub(super) struct Header<'a> {
    names: Vec<(&'a str, String)>,
}

impl<'a> Header<'a> {
    pub(super) fn new(names: &'a [String]) -> Self {
        Self { names: names.iter().map(|name| (name.as_str(), fold::header(name))).collect() }
    }

    /// The column of that name: exactly, else up to case, accents, spaces, `_` and `-`.
    pub(super) fn find(&self, wanted: &str) -> Found<'a> {
        let exact = self.names.iter().filter(|(name, _)| *name == wanted).map(|(name, _)| *name);
        match only(exact) {
            Found::Nowhere => {}
            found @ (Found::At(_) | Found::Twice(..)) => return found,
        }
        let folded = fold::header(wanted);
        only(
            self.names
                .iter()
                .filter(|(name, key)| *key == folded && !is_ignored(name))
                .map(|(name, _)| *name),
        )
    }

    /// Columns that hold subscriptions.
    fn subscriptions(&self) -> impl Iterator<Item = (Field, &'a str)> {
        self.names.iter().filter_map(|(name, _)| Some((subscription_field(name)?, *name)))
    }

    /// The column that looks most like the wanted one. It is named only where others are known: a file without header has
    /// a customer in its first line.
    fn nearest(&self, wanted: &str, configured: &[(Field, &str)]) -> Option<Nearest> {
        let at = nearest(&fold::header(wanted), self.names.iter().map(|(_, key)| key.as_str()))?;
        let has = |name: &str| self.find(name) != Found::Nowhere;
        let is_header = configured.iter().any(|(_, column)| has(column))
            || Field::NAMED.iter().any(|field| has(&field.name()));
        Some(if is_header { Nearest::Name(self.names[at].0.to_owned()) } else { Nearest::Column(at + 1) })
    }
}

fn only<'a>(mut found: impl Iterator<Item = &'a str>) -> Found<'a> {
    match (found.next(), found.next()) {
        (None, _) => Found::Nowhere,
        (Some(name), None) => Found::At(name),
        (Some(first), Some(second)) => Found::Twice(first, second),
    }
}

/// Which of the names looks most like the wanted one, if any looks like it at all.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<usize> {
    names
        .map(|name| strsim::normalized_damerau_levenshtein(wanted, name))
        .enumerate()
        .filter(|(_, likeness)| *likeness >= LIKENESS_MIN)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(at, _)| at)
}

/// The fields that `[columns]` maps, checked against the catalogue. The key comes first: a file without it is the wrong
/// one, whatever else it lacks.
fn configured(settings: &MappingSettings) -> Result<Vec<(Field, &str)>, MappingError> {
    let field = |name: &String| {
        Field::parse(name).ok_or_else(|| {
            let names: Vec<_> = Field::NAMED.iter().map(|field| field.name()).collect();
            let nearest = nearest(name, names.iter().map(AsRef::as_ref));
            let nearest = nearest.map(|at| Nearest::Name(names[at].to_string()));
            MappingError::UnknownField { name: name.clone(), nearest }
        })
    };
    let fields = settings.columns.iter().map(|(name, column)| Ok((field(name)?, column.as_str())));
    let mut fields = fields.collect::<Result<Vec<_>, _>>()?;
    fields.sort_by_key(|(field, _)| *field != Field::CustomerId);
    Ok(fields)
}

/// When the cells of a field are read: the country even before the postal code, whose form it decides.
pub(super) fn turn(field: Field) -> (bool, bool, Field) {
    (field != Field::Country, field != Field::PostalCode, field)
}

/// The columns to fetch. Country and postal code come first, because other values are read in their light.
pub(super) fn resolve(
    settings: &MappingSettings,
    header: Option<&Header<'_>>,
) -> Result<Vec<MappedColumn>, MappingError> {
    let configured = configured(settings)?;
    let mut columns = match header {
        Some(header) => of_header(&configured, header)?,
        None => of_any_record(&configured),
    };
    columns.sort_by_key(|column| turn(column.field));
    Ok(columns)
}

fn of_header(configured: &[(Field, &str)], header: &Header<'_>) -> Result<Vec<MappedColumn>, MappingError> {
    let mut columns = Vec::new();
    let mut put = |field: Field, found: Found<'_>| -> Result<bool, MappingError> {
        match found {
            Found::At(column) => columns.push(MappedColumn { field, column: column.into() }),
            Found::Nowhere => return Ok(false),
            Found::Twice(first, second) => {
                let (first, second) = (first.to_owned(), second.to_owned());
                return Err(MappingError::AmbiguousColumn { field, first, second });
            }
        }
        Ok(true)
    };
    let listed = |field: &Field| configured.iter().any(|(known, _)| known == field);
    let key = Field::CustomerId;
    if !listed(&key) && !put(key, header.find(&key.name()))? {
        return Err(MappingError::NoCustomerId { nearest: header.nearest(&key.name(), configured) });
    }
    for (field, column) in configured {
        if !put(*field, header.find(column))? {
            let nearest = header.nearest(column, configured);
            let (field, column) = (*field, (*column).to_owned());
            return Err(MappingError::UnknownColumn { field, column, nearest });
        }
    }
    for field in Field::NAMED.iter().filter(|field| !listed(field) && **field != key) {
        put(*field, header.find(&field.name()))?;
    }
    let mut seen: Vec<(Field, &str)> = Vec::new();
    for (field, column) in header.subscriptions().filter(|(field, _)| !listed(field)) {
        match seen.iter().find(|(known, _)| *known == field) {
            Some((_, first)) => put(field, Found::Twice(first, column))?,
            None => put(field, Found::At(column))?,
        };
        seen.push((field, column));
    }
    Ok(columns)
}

/// The names under which the cells of a record without a header are fetched.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    exact: FxHashMap<Arc<str>, Field>,
    folded: FxHashMap<String, Field>,
}

/// How a name is one of a field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// It is the one that is fetched.
    Exactly(Field),
    /// It is the same up to case, accents, spaces, `_` and `-`.
    Alike(Field),
}

impl Names {
    pub(super) fn of(columns: &[MappedColumn]) -> Self {
        let exact = columns.iter().map(|column| (Arc::clone(&column.column), column.field)).collect();
        // Whose record it is, is looked for under the name itself, and a path into a record is no name.
        let is_name =
            |column: &&MappedColumn| column.field != Field::CustomerId && !column.column.starts_with('/');
        let columns = columns.iter().filter(is_name);
        let folded = columns.map(|column| (fold::header(&column.column), column.field)).collect();
        Self { exact, folded }
    }

    /// See [`Mapper::further_cells`](super::Mapper::further_cells).
    pub(super) fn further<'a>(
        &self,
        record: impl Iterator<Item = (Cow<'a, str>, RawCell<'a>)>,
        says_something: impl Fn(&RawCell<'a>) -> bool,
    ) -> Vec<(Field, RawCell<'a>)> {
        let mut further: Vec<(Field, RawCell<'a>)> = Vec::new();
        let mut has = Vec::with_capacity(self.exact.len());
        for (name, cell) in record {
            match self.field(&name) {
                Some(Spelling::Exactly(field)) => has.push(field),
                Some(Spelling::Alike(field)) => further.push((field, cell)),
                None => further.extend(subscription_field(&name).map(|field| (field, cell))),
            }
        }
        further.sort_by_key(|(field, _)| *field);
        further.dedup_by(|(field, cell), (known, first)| {
            let is_same = field == known;
            if is_same && !says_something(first) {
                *first = cell.clone();
            } else if is_same && says_something(cell) && first != cell {
                // Two names for one field, and nobody can tell which is meant.
                *first = RawCell::Text(BETWEEN_MEMBERS.to_string().into());
            }
            is_same
        });
        further.retain(|(field, _)| !has.contains(field));
        further
    }

    /// The field that a name is for.
    fn field(&self, name: &str) -> Option<Spelling> {
        if let Some(field) = self.exact.get(name) {
            return Some(Spelling::Exactly(*field));
        }
        let alike = || self.folded.get(&fold::header(name)).map(|field| Spelling::Alike(*field));
        if is_ignored(name) { None } else { alike() }
    }
}

/// Without a header every field is fetched under its mapped or its canonical name.
fn of_any_record(configured: &[(Field, &str)]) -> Vec<MappedColumn> {
    let unlisted = Field::NAMED.iter().filter(|field| !configured.iter().any(|(known, _)| known == *field));
    let mapped =
        configured.iter().map(|(field, column)| MappedColumn { field: *field, column: (*column).into() });
    mapped.chain(unlisted.map(|field| MappedColumn { field: *field, column: field.name().into() })).collect()
}
