//! The options that say of which *type* a compose is, at most one of them.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use magudi_compose::identity::ComposeType;

/// Each type with what `--help` says of it, and whether `-h` does.
const TYPES: [(ComposeType, &str, bool); 5] = [
    (ComposeType::Nightly, "Compose type nightly", true),
    (ComposeType::Test, "Compose type test", true),
    (ComposeType::Ci, "Compose type ci", false),
    (ComposeType::Production, "Compose type production (the default)", true),
    (ComposeType::Development, "Compose type development", false),
];

/// `--nightly` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeArgs(pub Option<ComposeType>);

impl Args for TypeArgs {
    fn augment_args(command: Command) -> Command {
        command.args(TYPES.map(|(kind, help, is_in_short_help)| {
            let name = kind.as_str();
            let arg = Arg::new(name).long(name).action(ArgAction::SetTrue).group("type");
            arg.help(help).hide_short_help(!is_in_short_help)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TypeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(TYPES.iter().map(|(kind, ..)| *kind).find(|kind| matches.get_flag(kind.as_str()))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
