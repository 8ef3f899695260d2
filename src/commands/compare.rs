//! `magudi compare`: what became of the images of one compose in another one, whichever program made them.

use super::compared::load;
use crate::cli::{CompareArgs, CompareFormat};
use crate::error::Failure;
use crate::settings::Environment;
use crate::ui::{Table, Ui, printable};
use magudi_compose::comparison::{Comparison, Thresholds, compare};
use magudi_report::comparison::{Shown, headline, page, sections};
use std::io::{self, Write as _};

pub fn run(args: &CompareArgs, environment: &Environment, ui: Ui) -> Result<(), Failure> {
    let (old, new) = (load(&args.old, environment, ui)?, load(&args.new, environment, ui)?);
    let thresholds = Thresholds { percent: args.threshold, ..Thresholds::default() };
    let comparison = compare(&old, &new, thresholds);
    let shown = Shown { all_times: args.times };
    let answered = match args.format {
        CompareFormat::Table => ui.answer(&table(&comparison, shown, ui.answer_columns())),
        CompareFormat::Json => ui.answer_with(|out| {
            serde_json::to_writer_pretty(&mut *out, &comparison)?;
            out.write_all(b"\n")
        }),
        CompareFormat::Html => ui.answer_with(|out| page(&comparison, shown, out).map_err(io::Error::other)),
    };
    answered?;
    if args.exit_code && !comparison.gone.is_empty() { Err(Failure::Told) } else { Ok(()) }
}

fn table(comparison: &Comparison, shown: Shown, columns: usize) -> String {
    let mut text = format!("old  {}\nnew  {}\n", headline(&comparison.old), headline(&comparison.new));
    for section in sections(comparison, shown) {
        let mut table = Table::new(section.headings).fit(columns);
        section.rows.into_iter().for_each(|row| table.row(row));
        text.push_str(&format!("\n{}\n{table}", section.title));
    }
    text.push_str(&format!("\n{}\n", printable(&comparison.verdict)));
    text
}
