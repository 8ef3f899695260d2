//! `magudi generate`: completions and man pages, made from the command line's own definition.

use crate::cli::{Cli, GenerateCommand};
use crate::error::Failure;
use crate::ui::Ui;
use clap::CommandFactory as _;
use std::path::Path;

/// Runs the command.
pub fn run(args: &GenerateCommand, ui: Ui) -> Result<(), Failure> {
    match args {
        GenerateCommand::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "magudi", &mut text);
            ui.answer(&String::from_utf8_lossy(&text)).map_err(Failure::failed)
        }
        GenerateCommand::Man { dir } => man_pages(dir),
    }
}

/// Writes `magudi.1` and a page for each verb, such as `magudi-run.1`.
fn man_pages(dir: &Path) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(|error| Failure::Failed(format!("cannot write man pages into {}: {error}", dir.display())))
}
