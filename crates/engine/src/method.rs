//! A hub *method* that makes a task, as data: how it is called, how the hub keeps the call, where what was built is found, and where
//! the reason of a failure stands. A phase has one; all else treats them alike.

use magudi_koji::value::{covers, split_kwargs};
use magudi_koji::{Members, Value};
use std::collections::BTreeMap;

/// A method of the hub that makes one task.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    /// The method of the tasks that it makes; another one for the image tasks of Koji itself.
    pub task: &'static str,
    /// Its parameters, in their order.
    pub parameters: &'static [&'static str],
    /// The parameters that the hub keeps with the task, in their order; `opts` holds the rest, see [`Method::rest`].
    pub stored: &'static [&'static str],
    /// The kept `opts` are the parameters that are not kept by themselves and that say something; else they are the parameter of
    /// that name.
    pub rest: bool,
    /// Where the result of a task is found.
    pub results: Results,
    /// Where the reason of a failure stands, beside the task's fault.
    pub reasons: Reasons,
    /// The build has the name that was asked for. Else the builder takes it from a description (facts: kiwibuild 4).
    pub names_build: bool,
    /// What Pungi's log calls its tasks.
    pub title: &'static str,
    /// The directory of its tasks' logs, below `logs/global`.
    pub logs: &'static str,
    /// The permission that a user needs.
    pub permission: &'static str,
    pub channel: &'static str,
    /// Options that hubs with an older plugin refuse, and without which a request is still what was asked for.
    pub newer_options: &'static [&'static str],
    /// Texts of a refusal by which an argument is known where the hub names no path to it.
    pub marks: &'static [(&'static str, &'static str)],
}

/// A method is known by its name.
impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Where the result of a task is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Results {
    /// The task's result names a build, whose archives are the files.
    Build,
    /// The task's build is listed by the hub; the files of a scratch task lie in the output of its children, which are tasks of
    /// these methods, one for each arch.
    Children(&'static [&'static str]),
}

/// Where the reason of a failure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasons {
    /// In the faults of the tasks under it, one for each arch, and in this log of each of them.
    Children {
        /// The name of the log in the task's output, with `{arch}` for the arch.
        log: &'static str,
    },
    /// In composer's status of the compose, a file of the task's output.
    ComposeStatus,
}

/// A parameter that the hub uses up and does not keep.
const PRIORITY: &str = "priority";

/// The parameter that holds further ones.
const OPTS: &str = "opts";

impl Method {
    /// What the log calls a task for the image `name`, in Pungi's words: where the image is known by what it is built from, with that.
    pub fn title_of(&self, variant: &str, name: &str) -> String {
        let of = if self.names_build { String::new() } else { format!(" ({name})") };
        format!("{} task for variant {variant}{of}", self.title)
    }

    /// What lines of the log say of what failed of such a task: all of it (`*`), or an arch.
    pub fn part_of(&self, variant: &str, subvariant: &str, arch: &str) -> String {
        let mut chars = self.title.chars();
        let title: String =
            chars.next().into_iter().flat_map(char::to_uppercase).chain(chars.flat_map(char::to_lowercase)).collect();
        let is_plain = self.names_build && subvariant == variant;
        let subvariant = if is_plain { String::new() } else { format!(", subvariant {subvariant}") };
        format!("{title} (variant {variant}, arch {arch}{subvariant})")
    }

    /// Whether a task that the hub keeps with the arguments `stored` was made by a call with `args` and `named`: whether all of
    /// them are there, unchanged. What the hub has filled in beside them does not matter.
    ///
    /// The hub keeps named arguments by their place, and a list of one as that one (facts: osbuild 7, builders 13).
    pub fn is_same_request(&self, stored: &[Value], args: &[Value], named: &Members) -> bool {
        let stored = split_kwargs(stored.to_vec());
        let mut sent: BTreeMap<&str, &Value> = self.parameters.iter().copied().zip(args).collect();
        sent.extend(named.iter().map(|(name, value)| (name.as_str(), value)));
        sent.remove(PRIORITY);
        let same = |place: usize, name: &str, value: &Value| match stored.get(place, name) {
            Some(kept) => covers(alone(kept), alone(value)),
            None => *value == Value::Nil,
        };
        let mut by_place = self.stored.iter().enumerate().filter(|(_, name)| **name != OPTS);
        let places = by_place.all(|(place, name)| sent.get(name).is_none_or(|value| same(place, name, value)));
        places && self.same_opts(&stored, &sent)
    }

    fn same_opts(&self, stored: &magudi_koji::value::Arguments, sent: &BTreeMap<&str, &Value>) -> bool {
        let Some(place) = self.stored.iter().position(|name| *name == OPTS) else { return true };
        let empty = Members::default();
        let kept = match stored.get(place, OPTS) {
            Some(Value::Struct(members)) => members,
            None | Some(Value::Nil) => &empty,
            Some(_) => return false,
        };
        let mut members: Box<dyn Iterator<Item = (&str, &Value)>> = match sent.get(OPTS) {
            _ if self.rest => Box::new(
                sent.iter()
                    .filter(|(name, value)| !self.stored.contains(name) && says_something(value))
                    .map(|(name, value)| (*name, *value)),
            ),
            Some(Value::Struct(members)) => Box::new(members.iter().map(|(name, value)| (name.as_str(), value))),
            Some(Value::Nil) | None => return true,
            Some(_) => return false,
        };
        members.all(|(name, value)| match kept.get(name) {
            Some(kept) => covers(kept, value),
            None => self.newer_options.contains(&name),
        })
    }
}

/// The item of a list of one.
fn alone(value: &Value) -> &Value {
    match value {
        Value::Array(items) => match items.as_slice() {
            [one] => one,
            _ => value,
        },
        _ => value,
    }
}

/// Whether an option is kept: hubs leave out what is the same as nothing.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Struct(members) => !members.is_empty(),
        number => number.as_i64() != Some(0),
    }
}

/// A method for tests: seven arguments, the last of them `opts`.
#[cfg(test)]
pub(crate) static TEST_METHOD: Method = Method {
    name: "buildThing",
    task: "buildThing",
    parameters: &["name", "version", "distro", "image_type", "target", "arches", "opts"],
    stored: &["name", "version", "distro", "image_type", "target", "arches", "opts"],
    rest: false,
    results: Results::Build,
    reasons: Reasons::ComposeStatus,
    names_build: true,
    title: "Thing",
    logs: "things",
    permission: "image",
    channel: "image",
    newer_options: &[],
    marks: &[("'Repository options'", "opts.repo"), ("'Image Types ", "image_type")],
};

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_koji::calls::list_tasks;
    use magudi_koji::value::{string, structure};
    use magudi_koji::xmlrpc::{Response, decode_response};

    fn list(items: &[&str]) -> Value {
        Value::Array(items.iter().map(|item| string(*item)).collect())
    }

    fn named(members: &[(&str, Value)]) -> Members {
        members.iter().map(|(name, value)| (*name, value.clone())).collect()
    }

    /// As kiwiBuild: what is not kept by its place is in `opts`, if it says something.
    static DESCRIBED: Method = Method {
        name: "describe",
        task: "describe",
        parameters: &["target", "arches", "url", "path", "profile", "priority", "scratch", "repos"],
        stored: &["target", "arches", "url", "path", "opts"],
        rest: true,
        results: Results::Children(&["describeArch"]),
        reasons: Reasons::Children { log: "build.log" },
        names_build: false,
        title: "describe",
        logs: "describe",
        permission: "image",
        channel: "image",
        newer_options: &[],
        marks: &[],
    };

    #[test]
    fn every_argument_that_was_sent_must_be_there() {
        let args = [string("t"), list(&["x86_64"]), string("u"), string("p")];
        let sent = named(&[
            ("profile", string("P")),
            ("repos", list(&[])),
            ("scratch", Value::Bool(false)),
            ("priority", Value::Int(5)),
        ]);
        let kept = |opts: Value| [string("t"), list(&["x86_64"]), string("u"), string("p"), opts];
        let opts = structure([("profile", string("P")), ("use_buildroot_repo", Value::Bool(true))]);
        assert!(DESCRIBED.is_same_request(&kept(opts), &args, &sent));
        let other = structure([("profile", string("Q"))]);
        assert!(!DESCRIBED.is_same_request(&kept(other), &args, &sent));
        assert!(!DESCRIBED.is_same_request(&kept(structure::<&str>([])), &args, &sent));
        assert!(!DESCRIBED.is_same_request(&kept(string("x")), &args, &sent));
        assert!(!DESCRIBED.is_same_request(&[], &args, &sent));
        let scratch = named(&[("scratch", Value::Bool(true))]);
        assert!(!DESCRIBED.is_same_request(&kept(structure([("profile", string("P"))])), &args, &scratch));
    }

    #[test]
    fn named_arguments_are_kept_by_their_place_and_one_of_a_list_as_itself() {
        let stored = ["disk", "9", "d", "qcow2", "t"].map(string);
        let stored: Vec<Value> =
            stored.into_iter().chain([list(&["x86_64"]), structure([("release", string("1"))])]).collect();
        let positional = [string("disk"), string("9"), string("d"), list(&["qcow2"])];
        let opts = structure([("release", string("1"))]);
        let rest = named(&[("target", string("t")), ("arches", list(&["x86_64"])), ("opts", opts)]);
        assert!(TEST_METHOD.is_same_request(&stored, &positional, &rest));
        let more = named(&[("target", string("t")), ("opts", structure([("repo", list(&[]))]))]);
        assert!(!TEST_METHOD.is_same_request(&stored, &positional, &more));
        assert!(!TEST_METHOD.is_same_request(&stored, &[string("other")], &rest));
    }

    /// A task as a real hub keeps it.
    fn recorded() -> Vec<Value> {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/koji/wire/830-listTasks-find-lost-task.resp.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let answer = decode_response(&text.as_bytes()[text.find("<?xml").unwrap()..]).unwrap();
        let Response::Value(tasks) = answer else { panic!("a fault") };
        list_tasks::decode(&tasks).unwrap().0.iter().find_map(|task| task.request.clone()).unwrap()
    }

    #[test]
    fn a_recorded_task_is_known_again() {
        let stored = recorded();
        let args = &stored[..6];
        let opts = stored[6].as_struct().unwrap().clone();
        let is_same = |stored: &[Value], args: &[Value], opts: &Members| {
            TEST_METHOD.is_same_request(stored, args, &named(&[("opts", Value::Struct(opts.clone()))]))
        };
        assert!(is_same(&stored, args, &opts));
        let mut other = args.to_vec();
        // Sent as a list of one, stored alone.
        other[3] = Value::Array(vec![args[3].clone()]);
        assert!(is_same(&stored, &other, &opts));
        other[1] = string("another version");
        assert!(!is_same(&stored, &other, &opts));
        let more = Members::from([("release", string("1"))]);
        assert!(!is_same(&stored, args, &more));
        assert!(!is_same(&[], args, &opts));
        // A hub may fill in what was not sent, and changes nothing of what was.
        let stored_with = |opts: Members| [args, &[Value::Struct(opts)]].concat();
        let with =
            |name: &str, value: Value| opts.clone().into_iter().chain([(name.into(), value)]).collect::<Members>();
        let url = |members: &[(&str, &str)]| {
            with("ostree", structure(members.iter().map(|(name, text)| (*name, string(*text)))))
        };
        let sent = url(&[("url", "http://o/")]);
        assert!(is_same(&stored_with(url(&[("url", "http://o/"), ("ref", "x")])), args, &sent));
        assert!(!is_same(&stored_with(url(&[("url", "http://p/"), ("ref", "x")])), args, &sent));
        assert!(!is_same(&stored_with(url(&[("ref", "x")])), args, &sent));
        assert!(!is_same(&stored_with(with("repo", list(&[]))), args, &opts), "a list is what was sent, or another");
        // What a hub stores of a text with carriage returns, and what was sent.
        let with_file = |text: &str| {
            let file = structure([("path", string("/etc/motd")), ("data", string(text))]);
            with("customizations", structure([("files", Value::Array(vec![file]))]))
        };
        let in_lines = stored_with(with_file("one\ntwo\n\n"));
        assert!(is_same(&in_lines, args, &with_file("one\r\ntwo\r\r\n")));
        assert!(!is_same(&in_lines, args, &with_file("one\r\ntwo")));
    }
}
