//! The program: parses the command line and hands over to the library of commands.

use std::process::ExitCode;

mod cli;
mod commands;
mod error;
mod repositories;
mod settings;
mod ui;

fn main() -> ExitCode {
    commands::main(std::env::args_os())
}
