//! *Repositories* as `koji osbuild-image` takes them on the command line, where `--repo-package-sets` belongs to the `--repo`
//! before it (facts: osbuild 19). clap's derive keeps values of one option together; here the order between two options matters.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const REPO: &str = "repo";
const SETS: &str = "repo_package_sets";

/// The repositories of one image, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repositories(pub Vec<Repository>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub url: String,
    /// It goes as a struct and not as a string.
    pub detailed: bool,
    /// The package sets that it is for; sorted, as a set.
    pub sets: Option<BTreeSet<String>>,
}

impl Repository {
    /// As it goes over the wire.
    pub fn to_json(&self) -> Json {
        match (&self.sets, self.detailed) {
            (Some(sets), _) => json!({"baseurl": self.url, "package_sets": sets}),
            (None, true) => json!({"baseurl": self.url}),
            (None, false) => json!(self.url),
        }
    }
}

impl Repositories {
    /// Another `--repo`. Once the first is a struct all later ones are.
    fn push(&mut self, url: String) {
        let detailed = self.0.first().is_some_and(|first| first.detailed);
        self.0.push(Repository { url, detailed, sets: None });
    }

    /// A `--repo-package-sets`: adds to the sets of the last repository. False when there is none.
    fn add_sets(&mut self, sets: &str) -> bool {
        let Some(last) = self.0.last_mut() else { return false };
        last.detailed = true;
        last.sets.get_or_insert_default().extend(sets.split(';').map(|set| set.trim().to_owned()));
        true
    }
}

impl Args for Repositories {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new(REPO)
                    .long("repo")
                    .value_name("URL")
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true)
                    .help("Repository to install from, instead of that of the build tag; `$arch` stands for the arch; repeatable"),
            )
            .arg(
                Arg::new(SETS)
                    .long("repo-package-sets")
                    .value_name("SETS")
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true)
                    .help("Package sets to install from the --repo before, separated by `;`; repeatable"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Repositories {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let of = |id: &'static str| {
            let places = matches.indices_of(id).into_iter().flatten();
            let values = matches.get_many::<String>(id).into_iter().flatten();
            places.zip(values).map(move |(place, value)| (place, id, value.clone()))
        };
        let mut given: Vec<(usize, &str, String)> = of(REPO).chain(of(SETS)).collect();
        given.sort();
        let mut repositories = Self::default();
        for (_, id, value) in given {
            if id == REPO {
                repositories.push(value);
            } else if !repositories.add_sets(&value) {
                let text = "--repo-package-sets must follow a --repo";
                return Err(Error::raw(ErrorKind::MissingRequiredArgument, text));
            }
        }
        Ok(repositories)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Vec<Json>, Error> {
        let command = Repositories::augment_args(Command::new("image"));
        let matches = command.try_get_matches_from([&["image"], args].concat())?;
        Ok(Repositories::from_arg_matches(&matches)?.0.iter().map(Repository::to_json).collect())
    }

    #[test]
    fn sets_belong_to_the_repository_before_them() {
        let (r, s) = ("--repo", "--repo-package-sets");
        assert_eq!(parse(&[]).unwrap(), Vec::<Json>::new());
        assert_eq!(parse(&[r, "a", r, "b"]).unwrap(), [json!("a"), json!("b")]);
        let set = |url: &str, sets: &[&str]| json!({"baseurl": url, "package_sets": sets});
        assert_eq!(parse(&[r, "a", s, "y; x;x"]).unwrap(), [set("a", &["x", "y"])]);
        assert_eq!(parse(&[r, "a", s, "y", s, "x"]).unwrap(), [set("a", &["x", "y"])]);
        // Only the first repository decides about the form of later ones.
        assert_eq!(parse(&[r, "a", s, "x", r, "b"]).unwrap(), [set("a", &["x"]), json!({"baseurl": "b"})]);
        assert_eq!(parse(&[r, "a", r, "b", s, "x", r, "c"]).unwrap(), [json!("a"), set("b", &["x"]), json!("c")]);
        assert_eq!(parse(&[s, "x", r, "a"]).unwrap_err().exit_code(), 2);
    }
}
