//! Rows of cells as aligned text.

/// Lines of columns, each as wide as its widest cell, with two blanks between; numbers to the right.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let right: Vec<bool> = (0..heads.len())
        .map(|column| {
            column > 0
                && !rows.is_empty()
                && rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .all(|cell| is_number(cell))
        })
        .collect();
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let gap = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            text += if column == 0 { "" } else { "  " };
            text += &if right[column] { gap + cell } else { cell.clone() + &gap };
        }
        text.trim_end().to_owned() + "\n"
    };
    let head: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    line(&head) + &rows.iter().map(|row| line(row)).collect::<String>()
}

fn is_number(cell: &str) -> bool {
    cell == "-" || cell.starts_with(|first: char| first.is_ascii_digit())
}

/// `12.3 MiB`.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let rows = [
            vec!["a".to_owned(), "12".to_owned()],
            vec!["long".to_owned(), "3".to_owned()],
        ];
        assert_eq!(table(&["name", "n"], &rows), "name   n\na     12\nlong   3\n");
    }

    #[test]
    fn a_size_has_a_unit_that_fits() {
        assert_eq!([bytes(7), bytes(2048), bytes(5 << 20)], ["7 B", "2.0 KiB", "5.0 MiB"]);
    }
}
