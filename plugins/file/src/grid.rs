//! Cells in columns: the first to the left, the others to the right, and what does not fit into the
//! width goes below, under the first column again. Text only; what is in the cells is decided in `table`.

/// What stands where there is nothing.
const MISSING: &str = "-";

/// A table: what stands in the corner, the other heads, and rows of a name and their cells.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// The head of the first column.
    pub corner: String,
    /// The heads of the other columns.
    pub heads: Vec<String>,
    /// Names of rows, and for each of `heads` a cell or nothing.
    pub rows: Vec<(String, Vec<Option<String>>)>,
}

impl Grid {
    /// The table as lines of at most `width` characters, unless a column alone is wider; an empty line
    /// ends it.
    pub fn text(&self, width: usize) -> String {
        let first = self
            .rows
            .iter()
            .map(|(name, _)| length(name))
            .chain([length(&self.corner)])
            .max()
            .unwrap_or(0);
        let widths: Vec<usize> = (0..self.heads.len()).map(|column| self.width_of(column)).collect();
        let blocks = blocks(first, &widths, width);
        let blocks = blocks.into_iter().map(|columns| self.block(first, &widths, columns));
        blocks.collect::<String>() + "\n"
    }

    fn width_of(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|(_, cells)| length(cell(cells, column)));
        cells.chain([length(&self.heads[column])]).max().unwrap_or(0)
    }

    fn block(&self, first: usize, widths: &[usize], columns: std::ops::Range<usize>) -> String {
        let line = |name: &str, cells: &dyn Fn(usize) -> String| {
            let mut line = padded_right(name, first);
            for column in columns.clone() {
                line += "  ";
                line += &padded_left(&cells(column), widths[column]);
            }
            line.trim_end().to_owned() + "\n"
        };
        let head = line(&self.corner, &|column| self.heads[column].clone());
        let rows = self
            .rows
            .iter()
            .map(|(name, cells)| line(name, &|column| cell(cells, column).to_owned()));
        head + &rows.collect::<String>()
    }
}

/// Which columns stand side by side.
fn blocks(first: usize, widths: &[usize], width: usize) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let (mut from, mut used) = (0, first);
    for (column, cells) in widths.iter().enumerate() {
        if used + 2 + cells > width && column > from {
            blocks.push(from..column);
            (from, used) = (column, first);
        }
        used += 2 + cells;
    }
    blocks.push(from..widths.len());
    blocks
}

fn cell(cells: &[Option<String>], column: usize) -> &str {
    cells.get(column).and_then(Option::as_deref).unwrap_or(MISSING)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn padded_left(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(length(text))) + text
}

fn padded_right(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(length(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let some = |text: &str| Some(text.to_owned());
        Grid {
            corner: "1.0s".to_owned(),
            heads: ["cpu.time", "kpi.latency.p99", "io.read"].map(str::to_owned).to_vec(),
            rows: vec![
                ("web".to_owned(), vec![some("512ms/s"), some("26µs"), None]),
                ("a/longer/name".to_owned(), vec![some("1s/s"), None, some("3.20MiB/s")]),
            ],
        }
    }

    #[test]
    fn columns_are_aligned() {
        insta::assert_snapshot!(grid().text(80), @"
        1.0s           cpu.time  kpi.latency.p99    io.read
        web             512ms/s             26µs          -
        a/longer/name      1s/s                -  3.20MiB/s
        ");
    }

    #[test]
    fn what_does_not_fit_goes_below() {
        insta::assert_snapshot!(grid().text(40), @"
        1.0s           cpu.time  kpi.latency.p99
        web             512ms/s             26µs
        a/longer/name      1s/s                -
        1.0s             io.read
        web                    -
        a/longer/name  3.20MiB/s
        ");
    }

    #[test]
    fn a_table_without_columns_is_its_rows() {
        let grid = Grid {
            heads: Vec::new(),
            ..grid()
        };
        assert_eq!(grid.text(80), "1.0s\nweb\na/longer/name\n\n");
    }
}
