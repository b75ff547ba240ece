//! Aligned columns of plain text: no frames, no colours, readable in a mail and by `awk`.

use comfy_table::{CellAlignment, Table, presets};

use super::shown::Shown;

/// Rows under a header (which may be empty), without a line feed at the end. The columns in `right` are aligned to
/// the right; control characters in cells are escaped.
#[must_use]
pub fn aligned(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| Shown(cell).to_string()));
    }
    for position in right {
        if let Some(column) = table.column_mut(*position) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_are_aligned_and_cells_are_harmless() {
        let rows = [vec!["a\u{1b}[2J".to_owned(), "5".to_owned()], vec!["b".to_owned(), "1,000".to_owned()]];
        assert_eq!(
            aligned(&["name", "n"], rows, &[1]),
            " name            n\n a\\u{1b}[2J      5\n b           1,000"
        );
    }
}
