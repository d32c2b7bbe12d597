//! Tables for people: framed on a terminal, plain aligned columns in a pipe or a file.

use std::ops::Range;

use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};

/// A table without rows. The columns of `numbers` are aligned to the right.
pub(crate) fn new(for_terminal: bool, header: impl Into<Row>, numbers: Range<usize>) -> Table {
    let mut table = Table::new();
    table.set_header(header);
    if for_terminal {
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        // One line per row, however long, so that line-oriented tools see rows.
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
    }
    for column in table
        .column_iter_mut()
        .take(numbers.end)
        .skip(numbers.start)
    {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A share as a percentage: `0.0312` is `3.1 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_one_line_per_row_in_aligned_columns() {
        let mut table = new(false, ["file", "seconds", "words"], 1..2);
        table.add_row(["a.mp3", "1.0", "short"]);
        table.add_row(["longer.mp3", "100.0", &"long ".repeat(80)]);
        let text = table.trim_fmt();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..2],
            ["file        seconds  words", "a.mp3           1.0  short"]
        );
        assert_eq!(lines.len(), 3);
    }
}
