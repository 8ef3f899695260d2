//! A plain table: columns as wide as their widest cell.

use super::width::width;

/// A table in the making.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
    /// Lines are at most this long; the last column gives way.
    width: usize,
}

/// The last column is never cut below this.
const LEAST: usize = 16;

impl Table {
    /// A table with these headings; those that begin with `>` stand over numbers, aligned to the right.
    pub fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Self {
            rows: vec![headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect()],
            right,
            width: usize::MAX,
        }
    }

    /// Keeps lines within a terminal of `width` columns, by leaving out the middle of cells in the last column.
    #[must_use]
    pub fn fit(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Whether every line has at most `columns` columns without leaving anything out.
    pub fn fits(&self, columns: usize) -> bool {
        self.to_string().lines().all(|line| width(line) <= columns)
    }

    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells = cells.into_iter().map(|cell| super::printable(&cell.into()).replace(['\n', '\t'], " "));
        self.rows.push(cells.collect());
    }

    /// Whether there is no row below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widest = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(widest).collect();
        let before: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
        let room = self.width.saturating_sub(before).max(LEAST);
        for row in &self.rows {
            let mut line = String::new();
            for (column, ((cell, room_of), right)) in row.iter().zip(&widths).zip(&self.right).enumerate() {
                let is_last = column + 1 == self.right.len();
                let cell = if is_last { shortened(cell, room) } else { cell.clone() };
                let blanks = " ".repeat(room_of.saturating_sub(width(&cell)));
                line.push_str(&if *right { blanks + &cell } else { cell + &blanks });
                line.push_str("  ");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `text` in at most `room` columns: both ends of it, around an ellipsis.
fn shortened(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let head = room.saturating_sub(1) / 3;
    let tail = room.saturating_sub(1) - head;
    let end: String = fitting(text.chars().rev(), tail).chars().rev().collect();
    format!("{}…{end}", fitting(text.chars(), head))
}

/// As many characters from the front of `chars` as `room` columns hold.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += width(c.encode_utf8(&mut [0; 4]));
        used <= room
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_gives_way() {
        let mut table = Table::new(&["A", "FILE"]).fit(22);
        table.row(["x", "Server/x86_64/images/disk.qcow2"]);
        assert_eq!(table.to_string(), "A  FILE\nx  Server…s/disk.qcow2\n");
        assert!(table.to_string().lines().all(|line| line.chars().count() <= 22));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new(&["A", ">B", "C"]).fit(24);
        table.row(["磁盘", "1", "c"]);
        table.row(["x", "22", "磁盘映像磁盘映像磁盘映像"]);
        assert_eq!(table.to_string(), "A      B  C\n磁盘   1  c\nx     22  磁盘…像磁盘映像\n");
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["IMAGE", ">SIZE"]);
        table.row(["disk.qcow2", "5"]);
        table.row(["a", "1024"]);
        assert_eq!(table.to_string(), "IMAGE       SIZE\ndisk.qcow2     5\na           1024\n");
    }
}
