//! Any texts as the cells of a row, and the customer as the three providers would see it. Each piece of the input up
//! to a NUL is a byte that chooses the field, and the text of its cell. Mapping twice gives the same.

#![no_main]

use std::sync::{Arc, LazyLock};

use crmsync::domain::raw_cell::RawCell;
use crmsync::cli::config::Config;
use crmsync::domain::field::{Field, FieldSet};
use crmsync::mapping::Mapper;
use crmsync::providers::Provider;
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;

/// Settings as the documentation gives them.
const CONFIGURATION: &str = include_str!("../../../samples/crmsync.toml");

static HEADER: LazyLock<Vec<String>> =
    LazyLock::new(|| Field::NAMED.iter().map(|field| field.name().into_owned()).collect());

static MAPPER: LazyLock<Mapper> = LazyLock::new(|| {
    let mut settings = config().mapping_settings();
    settings.columns.clear();
    Mapper::new(&settings, Some(&HEADER)).expect("canonical names")
});

/// Where the mapper's columns are in the header, and where the key is.
static PLACES: LazyLock<(Vec<usize>, usize)> = LazyLock::new(|| {
    let place = |wanted: &str| HEADER.iter().position(|name| name == wanted).expect("a canonical name");
    let columns = MAPPER.columns().iter().map(|column| place(&column.column)).collect();
    (columns, place("customer_id"))
});

static PROVIDERS: LazyLock<Vec<Arc<dyn Provider>>> =
    LazyLock::new(|| config().providers_without_secrets().expect("the sample works"));

fn config() -> Config {
    Config::parse(CONFIGURATION, "samples/crmsync.toml").expect("the sample works")
}

fuzz_target!(|data: &[u8]| {
    let mut cells: Vec<Option<String>> = vec![None; HEADER.len()];
    for piece in data.split(|byte| *byte == 0) {
        let Some((&choice, text)) = piece.split_first() else { continue };
        let index = usize::from(choice) % cells.len();
        cells[index] = Some(String::from_utf8_lossy(text).into_owned());
    }
    let (places, key) = &*PLACES;
    cells[*key].get_or_insert_with(|| "C1".to_owned());
    let cell = |index: usize| {
        cells[places[index]].as_deref().map_or(RawCell::Absent, |text| RawCell::Text(text.into()))
    };
    let Ok(mapped) = MAPPER.map(cell, [], date(2026, 11, 22), FieldSet::all()) else { return };
    assert!(MAPPER.map(cell, [], date(2026, 11, 22), FieldSet::all()).as_ref() == Ok(&mapped));
    for provider in PROVIDERS.iter() {
        let projection = provider.project(&mapped.customer);
        for code in projection.cells.keys() {
            assert!(provider.field(*code).is_some());
        }
    }
});
