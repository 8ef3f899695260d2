//! `magudi generate`: completions and man pages, made from the command line's own definition.

use crate::cli::{Cli, GenerateCommand};
use crate::error::Failure;
use crate::ui::Ui;
use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use std::io;
use std::path::Path;

/// What the environment says to a command that talks to a hub.
const VARIABLES: [(&str, &str); 6] = [
    ("MAGUDI_KOJI_PASSWORD", "The password of --koji-user."),
    ("MAGUDI_KOJI_OUTAGE", "How long the hub may be away while a compose runs, in seconds; 7200 without it."),
    (
        "MAGUDI_PASS_ENVIRONMENT",
        "Further variables for notification scripts and Pungi, which get only those that are listed.",
    ),
    (
        "CTS_OIDC_TOKEN_URL, CTS_OIDC_CLIENT_ID, CTS_OIDC_CLIENT_SECRET",
        "The login at the Compose Tracking Service (with cts_url); they win over the configuration, which has no secret.",
    ),
    (
        "OTEL_*, TRACEPARENT, TRACESTATE",
        "Where traces go and what they are part of, as OpenTelemetry has it (feature otel).",
    ),
    (
        "http_proxy, https_proxy, all_proxy, no_proxy, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, KRB5CCNAME",
        "As koji reads them.",
    ),
];

pub fn run(args: &GenerateCommand, ui: Ui) -> Result<(), Failure> {
    match args {
        GenerateCommand::Completions { shell } => {
            let mut text = Vec::new();
            let mut command = hinted(Cli::command());
            clap_complete::generate(*shell, &mut command, "magudi", &mut text);
            let mut text = String::from_utf8_lossy(&text).into_owned();
            if *shell == Shell::Bash {
                complete_paths(&command, &mut text);
            }
            Ok(ui.answer(&text)?)
        }
        GenerateCommand::Man { dir } => man_pages(dir),
    }
}

/// The command with what a shell completes in the place of each value.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| {
        let hint = match arg.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str) {
            Some("DIR" | "COMPOSE_DIR") => ValueHint::DirPath,
            Some("FILE" | "SCENARIO" | "SOURCE" | "PLAN") => ValueHint::FilePath,
            _ => return arg,
        };
        arg.value_hint(hint)
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

/// In the script for bash, verbs whose first word is a path offer options only where a hyphen was typed: clap_complete offers nothing
/// else there. What is left is completed as files and directories, which is what `complete -o default` does.
fn complete_paths(command: &Command, script: &mut String) {
    const WORDS: &str = "COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )";
    for verb in command.get_subcommands() {
        let first = verb.get_positionals().next().map(Arg::get_value_hint);
        let is_path = matches!(first, Some(ValueHint::DirPath | ValueHint::FilePath));
        let start = script.find(&format!("\n        magudi__subcmd__{})\n", verb.get_name())).filter(|_| is_path);
        let Some(start) = start else { continue };
        let Some(end) = script[start..].find("\n            ;;\n").map(|length| start + length) else { continue };
        let part = script[start..end].replacen(" || ${COMP_CWORD} -eq 2 ]]", " ]]", 1);
        // The last of them is for a word that no option takes.
        let part = match part.rsplit_once(WORDS) {
            Some((before, after)) => format!("{before}COMPREPLY=(){after}"),
            None => part,
        };
        script.replace_range(start..end, &part);
    }
}

/// Writes `magudi.1` and a page for each verb, such as `magudi-run.1`.
fn man_pages(dir: &Path) -> Result<(), Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let written = std::fs::create_dir_all(dir).and_then(|()| pages_of(&command, dir));
    written.map_err(|error| Failure::because(format!("cannot write man pages into {}", dir.display()), error))
}

fn pages_of(command: &Command, dir: &Path) -> io::Result<()> {
    for verb in command.get_subcommands() {
        pages_of(verb, dir)?;
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(dir.join(format!("{name}.1")), page(command, name)?)
}

/// A man page. The help's words after the options have sections of their own.
fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(concat!("magudi ", env!("CARGO_PKG_VERSION"))).manual("magudi");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::new();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if let Some((_, rest)) = after.split_once("Examples:\n") {
        more.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in rest.lines().take_while(|line| line.starts_with("  ")) {
            more.text([roman(line.trim_start())]);
        }
        more.control("fi", []);
    }
    if let Some((_, status)) = after.split_once("Exit status: ") {
        more.control("SH", ["EXIT STATUS"]).text([roman(status)]);
    }
    if command.get_arguments().any(|argument| argument.get_id() == "koji_user") {
        more.control("SH", ["ENVIRONMENT"]);
        for (variable, what) in VARIABLES {
            more.control("TP", []).text([bold(variable)]).text([roman(what)]);
        }
    }
    more.control("SH", ["SEE ALSO"]).text(see_also(name));
    more.to_writer(&mut page)?;
    Ok(page)
}

fn see_also(name: &str) -> Vec<Inline> {
    let others: &[&str] = match name {
        "magudi" => &["koji"],
        "magudi-run" => &["magudi", "magudi-plan", "magudi-resume", "magudi-status", "magudi-report"],
        "magudi-image" => &["magudi", "koji"],
        _ => &["magudi", "magudi-run"],
    };
    let pages = others.iter().enumerate().flat_map(|(place, other)| {
        let before = (place > 0).then(|| roman(", "));
        before.into_iter().chain([bold(*other), roman("(1)")])
    });
    pages.collect()
}
