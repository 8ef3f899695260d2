//! A *git URL* may name a branch where a commit is meant: `#HEAD` and `#origin/BRANCH`. A run resolves it once, so that all images
//! of a compose, and a resume of it, are built from one commit (facts: options 11).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a server may take to name a commit.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most of an answer that is read, in bytes: one line for each reference that ends like the one asked for.
const MOST_ANSWERED: u64 = 1 << 20;

/// A URL whose fragment names a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchUrl<'u> {
    /// All but the fragment, with its `#`.
    before: &'u str,
    /// What is cloned: without query, fragment, and the `git+` of its scheme.
    pub repository: &'u str,
    /// The reference: `HEAD` or `refs/heads/BRANCH`.
    pub reference: String,
}

impl<'u> BranchUrl<'u> {
    /// Reads `url`; `None` when there is nothing to resolve in it: a commit, a tag or another fragment stays as it is.
    pub fn parse(url: &'u str) -> Option<Self> {
        let (address, fragment) = url.split_once('#')?;
        let reference = match fragment.strip_prefix("origin/") {
            Some(branch) if !branch.is_empty() => format!("refs/heads/{branch}"),
            None if fragment == "HEAD" => fragment.to_owned(),
            _ => return None,
        };
        let repository = address.split_once('?').map_or(address, |(repository, _)| repository);
        let repository = repository.strip_prefix("git+").unwrap_or(repository);
        Some(Self { before: &url[..=address.len()], repository, reference })
    }

    /// The URL without user and password, for what is kept and shown.
    pub fn without_credentials(&self) -> String {
        format!("{}{}", without_credentials(self.before), self.reference.trim_start_matches("refs/heads/"))
    }

    /// The URL with `commit` in the place of the branch.
    pub fn at(&self, commit: &str) -> String {
        format!("{}{commit}", self.before)
    }
}

/// A URL without the user and password before its host.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

/// Why a branch has no commit.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git cannot be started.
    #[error("cannot run git: {0}; install it, or name a commit instead of a branch")]
    Missing(#[source] io::Error),
    /// git says no.
    #[error("git ls-remote {repository} {reference}: {reason}")]
    Refused {
        repository: String,
        reference: String,
        /// The last line that git wrote.
        reason: String,
    },
}

/// Asks servers for commits with the system's `git`, each once.
#[derive(Debug)]
pub struct Resolver {
    /// The environment of git.
    variables: Vec<(OsString, OsString)>,
    known: BTreeMap<(String, String), String>,
}

impl Resolver {
    /// A resolver that gives `variables` to git, and no others.
    pub fn new(variables: Vec<(OsString, OsString)>) -> Self {
        Self { variables, known: BTreeMap::new() }
    }

    /// The commit of the branch that `url` names. Blocks for a minute at the most.
    pub fn commit(&mut self, url: &BranchUrl<'_>) -> Result<String, GitError> {
        let key = (url.repository.to_owned(), url.reference.clone());
        if let Some(commit) = self.known.get(&key) {
            return Ok(commit.clone());
        }
        let refused = |reason: String| GitError::Refused {
            repository: without_credentials(url.repository),
            reference: url.reference.clone(),
            reason: reason.replace(url.repository, &without_credentials(url.repository)),
        };
        // A URL may be taken for an option or name a helper program; neither is a repository.
        let mut child = Command::new("git")
            .args(["ls-remote", "--", url.repository, &url.reference])
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::Missing)?;
        let answer = wait(&mut child).map_err(|error| refused(error.to_string()))?;
        let commit = commit_of(&answer, &url.reference).ok_or_else(|| refused("there is no such branch".to_owned()))?;
        self.known.insert(key, commit.clone());
        Ok(commit)
    }
}

/// Why git has not answered.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    #[error(transparent)]
    Lost(#[from] io::Error),
    #[error("{0}")]
    Failed(ExitStatus),
    /// The last line that it wrote.
    #[error("{0}")]
    Said(String),
}

/// What git writes until it ends.
fn wait(child: &mut Child) -> Result<String, NoAnswer> {
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let (sender, ended) = mpsc::channel();
    let read = |pipe: Option<Box<dyn io::Read + Send>>, is_answer: bool| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read until a pipe breaks is as much as there will be.
            let _ = pipe.map(|pipe| pipe.take(MOST_ANSWERED).read_to_end(&mut bytes));
            let _ = sender.send((is_answer, String::from_utf8_lossy(&bytes).into_owned()));
        });
    };
    read(out.map(|pipe| Box::new(pipe) as Box<dyn io::Read + Send>), true);
    read(errors.map(|pipe| Box::new(pipe) as Box<dyn io::Read + Send>), false);
    let deadline = std::time::Instant::now() + PATIENCE;
    let (mut answer, mut said) = (String::new(), String::new());
    for _ in 0..2 {
        match ended.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())) {
            Ok((true, text)) => answer = text,
            Ok((false, text)) => said = text,
            Err(_) => {
                // It may have ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(NoAnswer::Late);
            }
        }
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(answer);
    }
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    Err(match last {
        Some(line) => NoAnswer::Said(line.chars().filter(|c| !c.is_control()).take(500).collect()),
        None => NoAnswer::Failed(status),
    })
}

/// The commit in the line of just this reference; others may end alike.
fn commit_of(answer: &str, reference: &str) -> Option<String> {
    let lines = answer.lines().filter_map(|line| line.split_once('\t'));
    let (commit, _) = lines.into_iter().find(|(_, name)| *name == reference)?;
    let is_commit = matches!(commit.len(), 40 | 64) && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_commit.then(|| commit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn only_branches_are_resolved() {
        for (url, expected) in [
            ("git+https://g.example/a.git#HEAD", Some(("https://g.example/a.git", "HEAD"))),
            ("https://g.example/a.git?path#origin/f43", Some(("https://g.example/a.git", "refs/heads/f43"))),
            ("git://g.example/a?#origin/x/y", Some(("git://g.example/a", "refs/heads/x/y"))),
            ("https://g.example/a.git#f43", None),
            ("https://g.example/a.git#origin/", None),
            ("https://g.example/a.git#head", None),
            ("https://g.example/a.git#0123456789012345678901234567890123456789", None),
            ("https://g.example/a.git", None),
            ("", None),
        ] {
            let found = BranchUrl::parse(url);
            assert_eq!(found.as_ref().map(|url| (url.repository, url.reference.as_str())), expected, "{url}");
        }
        let url = BranchUrl::parse("git+https://g.example/a.git?#HEAD").unwrap();
        assert_eq!(url.at("abc"), "git+https://g.example/a.git?#abc");
        for (url, shown) in [
            ("git+https://me:secret@g.example/a@b.git?x#HEAD", "git+https://g.example/a@b.git?x#HEAD"),
            ("ssh://git@g.example/a#origin/f43", "ssh://g.example/a#f43"),
            ("/srv/a@b.git#HEAD", "/srv/a@b.git#HEAD"),
        ] {
            assert_eq!(BranchUrl::parse(url).unwrap().without_credentials(), shown);
        }
    }

    #[test]
    fn the_line_of_the_reference_counts() {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(40));
        let answer = format!("{one}\trefs/heads/x/refs/heads/main\n{two}\trefs/heads/main\n");
        assert_eq!(commit_of(&answer, "refs/heads/main"), Some(two));
        for bad in ["", "abc\trefs/heads/main\n", "refs/heads/main", &format!("{one} refs/heads/main")] {
            assert_eq!(commit_of(bad, "refs/heads/main"), None, "{bad}");
        }
    }

    fn git(dir: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn the_systems_git_is_asked_once() {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
        let head = git(dir.path(), &["rev-parse", "HEAD"]);
        let address = format!("file://{}", dir.path().display());
        let path = "/usr/local/bin:/usr/bin:/bin";
        let mut resolver = Resolver::new(vec![("PATH".into(), path.into())]);
        for fragment in ["HEAD", "origin/main"] {
            let url = format!("git+{address}?x#{fragment}");
            let url = BranchUrl::parse(&url).unwrap();
            assert_eq!(resolver.commit(&url).unwrap(), head);
        }
        let (gone, option) = (format!("{address}#origin/none"), "--upload-pack=touch#HEAD");
        for (url, reason) in [
            (gone.as_str(), "there is no such branch"),
            ("file:///nonexistent#HEAD", "ls-remote file:///nonexistent HEAD: "),
            (option, "ls-remote --upload-pack=touch HEAD: "),
            ("ext::sh -c true#HEAD", "not allowed"),
        ] {
            let error = resolver.commit(&BranchUrl::parse(url).unwrap()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        // What was found is not asked for again.
        std::fs::remove_dir_all(dir.path().join(".git")).unwrap();
        let url = format!("{address}#HEAD");
        assert_eq!(resolver.commit(&BranchUrl::parse(&url).unwrap()).unwrap(), head);
        let mut nowhere = Resolver::new(vec![("PATH".into(), "/nonexistent".into())]);
        assert!(matches!(nowhere.commit(&BranchUrl::parse(&url).unwrap()), Err(GitError::Missing(_))));
    }
}
