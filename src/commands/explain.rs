//! `magudi explain`: what an id of a diagnostic means, as `docs/diagnostics.md` has it.

use crate::cli::ExplainArgs;
use crate::error::Failure;
use crate::ui::{Table, Ui, wrapped};
use magudi_config::codes::{ALL, Code};
use magudi_config::did_you_mean::suggest;

/// The longest line of a paragraph, in columns: longer ones are hard to read.
const MAX_COLUMNS: usize = 100;

pub fn run(args: &ExplainArgs, ui: Ui) -> Result<(), Failure> {
    let text = match &args.id {
        None => list(),
        Some(id) => explanation(find(id)?, ui.answer_columns().min(MAX_COLUMNS)),
    };
    Ok(ui.answer(&text)?)
}

/// The code of that id, in any case, with or without `MG`.
fn find(id: &str) -> Result<&'static Code, Failure> {
    let word = id.trim().to_uppercase();
    let word = if word.bytes().all(|byte| byte.is_ascii_digit()) { format!("MG{word}") } else { word };
    ALL.iter().copied().find(|code| code.id == word).ok_or_else(|| {
        let near = suggest(&word, ALL.iter().map(|code| code.id));
        let near = near.map_or_else(|| "magudi explain lists all".to_owned(), |near| format!("did you mean {near}?"));
        Failure::usage(format!("there is no diagnostic `{}`; {near}", id.escape_debug()))
    })
}

fn list() -> String {
    let mut table = Table::new(&["ID", "SEVERITY", "TITLE"]);
    for code in ALL {
        table.row([code.id, code.severity.as_str(), code.title]);
    }
    table.to_string()
}

fn explanation(code: &Code, columns: usize) -> String {
    let text = wrapped(&code.paragraph(), "", columns);
    let mut out = format!("{}: {}\n\n{text}\n", code.id, code.title);
    for line in code.example.text().lines() {
        out.push_str("    ");
        out.push_str(line);
        out.push('\n');
    }
    out
}
