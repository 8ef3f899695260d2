//! *Preflight*: what the hub is asked before anything is submitted, so that an image that cannot be built is known of at once
//! and not after hours.
//!
//! However many images there are, these are a few requests: what a question is about is asked once, and what is found is one
//! [`Finding`] for all images that it concerns. Only what a hub is certain to refuse is found. A question that it does not
//! understand, or whose answer cannot be understood, is a finding of its own kind and stops nothing: older hubs lack methods,
//! others keep some to themselves.
//!
//! What is asked, and why the answer is certain (facts: koji 2, koji 20, osbuild 14, builders 7):
//! - whether the hub has the method, whether the user has the permission that it asks for (or is an admin), and whether there is
//!   the channel that its tasks go to: each submission is refused otherwise;
//! - whether there is the build target: the task fails otherwise;
//! - whether the target's destination tag may be tagged into, lists the package, itself or by inheritance, and does not block
//!   it: the task fails otherwise, of some methods when everything is built.

use crate::plan::TaskRequest;
use magudi_koji::calls::{
    get_build_target, get_channel, get_logged_in_user, get_package_config, get_perms, get_tag, list_methods,
};
use magudi_koji::value::ShapeError;
use magudi_koji::{Hub, KojiError, MethodCall, Session, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who may do everything but tag into a locked tag.
pub(crate) const ADMIN: &str = "admin";

/// Something that keeps images from being built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    NoMethod(String),
    NoPermission {
        /// What is missing.
        permission: String,
        /// Who does not have it; `None`: the hub does not know the session.
        user: Option<String>,
    },
    /// There is no such channel.
    NoChannel(String),
    /// The channel takes no tasks.
    ChannelDisabled(String),
    NoTarget(String),
    /// The destination tag of a target is not there.
    NoTag {
        tag: String,
        /// A target that puts builds into it.
        target: String,
    },
    /// The tag is locked.
    TagLocked(String),
    /// Tagging needs a permission that the user does not have.
    TagNeeds {
        tag: String,
        /// What is missing.
        permission: String,
    },
    /// The tag does not list these packages.
    NotListed {
        tag: String,
        /// The packages, in the order of the images.
        packages: Vec<String>,
    },
    /// The tag lists these packages as blocked.
    Blocked {
        tag: String,
        /// The packages, in the order of the images.
        packages: Vec<String>,
    },
    /// The hub did not answer a question, or nothing that could be understood.
    NotAnswered {
        /// The hub method that was to tell.
        method: String,
        /// Why it did not, the first time.
        reason: String,
    },
}

/// A problem and whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub problem: Obstacle,
    /// The requests that it concerns, by their place in what was asked about, in order.
    pub requests: Vec<usize>,
}

/// Which requests something concerns.
type Concerned<K> = BTreeMap<K, Vec<usize>>;

/// Asks the hub about `requests` and says what is wrong, in the order of the requests. Without a session nothing is asked about
/// the user. The error is one of a hub that cannot be reached.
pub async fn ask(hub: &Hub, session: Option<&Session>, requests: &[&TaskRequest]) -> Result<Vec<Finding>, KojiError> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let mut survey =
        Survey { hub, requests, found: Vec::new(), unanswered: Concerned::new(), reasons: BTreeMap::new() };
    let permissions = match session {
        Some(session) => survey.permissions(session).await?,
        None => None,
    };
    let destinations = survey.targets().await?;
    survey.tags(destinations, permissions.as_ref()).await?;
    Ok(survey.findings())
}

/// Questions that are being asked, and what came of them.
struct Survey<'a> {
    hub: &'a Hub,
    requests: &'a [&'a TaskRequest],
    found: Vec<Finding>,
    /// By method: why there is no answer, and whom that concerns.
    unanswered: Concerned<&'static str>,
    reasons: BTreeMap<&'static str, String>,
}

/// An answer, or why there is none.
type Answer = Result<Value, Arc<KojiError>>;

impl<'a> Survey<'a> {
    /// The permissions of the user, if the hub tells.
    async fn permissions(&mut self, session: &Session) -> Result<Option<BTreeSet<String>>, KojiError> {
        let MethodCall { method, params } = get_perms::request();
        let answer = answered(session.call_again(&method, &params).await)?;
        let everyone: Vec<usize> = (0..self.requests.len()).collect();
        let Some(own) = self.understood("getPerms", answer, get_perms::decode, &everyone) else { return Ok(None) };
        let own: BTreeSet<String> = own.into_iter().collect();
        let lacking = concerned(self.requests, |request| {
            let permission = request.method.permission;
            (!own.contains(permission) && !own.contains(ADMIN)).then_some(permission)
        });
        if !lacking.is_empty() {
            let MethodCall { method, params } = get_logged_in_user::request();
            let answer = answered(session.call_again(&method, &params).await)?;
            let user = self.understood("getLoggedInUser", answer, get_logged_in_user::decode, &everyone).flatten();
            for (permission, requests) in lacking {
                let (permission, user) = (permission.to_owned(), user.as_ref().map(|user| user.name.clone()));
                self.find(Obstacle::NoPermission { permission, user }, requests);
            }
        }
        Ok(Some(own))
    }

    /// Asks what does not depend on another answer. Gives the requests whose builds are tagged, by tag, and a target of each
    /// tag.
    async fn targets(&mut self) -> Result<BTreeMap<String, (&'a str, Vec<usize>)>, KojiError> {
        let requests = self.requests;
        let channels = concerned(requests, |request| Some(request.method.channel));
        let targets = concerned(requests, |request| Some(&*request.about.target));
        let calls: Vec<MethodCall> = [list_methods::request()]
            .into_iter()
            .chain(channels.keys().map(|channel| get_channel::request(channel)))
            .chain(targets.keys().map(|target| get_build_target::request(target)))
            .collect();
        let mut answers = self.multi_call(&calls).await?.into_iter();
        if let Some(answer) = answers.next() {
            self.methods(answer);
        }
        for ((channel, about), answer) in channels.into_iter().zip(answers.by_ref()) {
            match self.understood(
                "getChannel",
                answer,
                |value| named(get_channel::decode(value)?, |c| &c.name, channel),
                &about,
            ) {
                Some(None) => self.find(Obstacle::NoChannel(channel.to_owned()), about),
                Some(Some(found)) if !found.enabled => {
                    self.find(Obstacle::ChannelDisabled(channel.to_owned()), about);
                }
                _ => {}
            }
        }
        let mut destinations: BTreeMap<String, (&str, Vec<usize>)> = BTreeMap::new();
        for ((target, about), answer) in targets.into_iter().zip(answers) {
            let decode = |value: &Value| named(get_build_target::decode(value)?, |t| &t.name, target);
            match self.understood("getBuildTarget", answer, decode, &about) {
                Some(None) => self.find(Obstacle::NoTarget(target.to_owned()), about),
                Some(Some(found)) => {
                    let tagged = about.into_iter().filter(|place| is_tagged(requests[*place]));
                    let (_, all) = destinations.entry(found.dest_tag_name).or_insert((target, Vec::new()));
                    all.extend(tagged);
                }
                None => {}
            }
        }
        destinations.retain(|_, (_, about)| !about.is_empty());
        Ok(destinations)
    }

    /// Finds the methods that the hub does not have.
    fn methods(&mut self, answer: Answer) {
        let everyone: Vec<usize> = (0..self.requests.len()).collect();
        let decode = |value: &Value| {
            let methods = list_methods::decode(value)?;
            // A hub that keeps its methods to itself has not none.
            if methods.iter().any(|method| method == "getTaskInfo") {
                Ok(methods)
            } else {
                Err(ShapeError::new("system.listMethods", "not all of the methods"))
            }
        };
        let Some(methods) = self.understood("system.listMethods", answer, decode, &everyone) else { return };
        let methods: BTreeSet<String> = methods.into_iter().collect();
        let missing =
            concerned(self.requests, |request| Some(request.method.name).filter(|own| !methods.contains(*own)));
        for (method, about) in missing {
            self.find(Obstacle::NoMethod(method.to_owned()), about);
        }
    }

    /// Asks about the tags that builds get, and about the packages in them.
    async fn tags(
        &mut self,
        destinations: BTreeMap<String, (&'a str, Vec<usize>)>,
        permissions: Option<&BTreeSet<String>>,
    ) -> Result<(), KojiError> {
        let requests = self.requests;
        let packages: BTreeMap<&String, Concerned<&str>> = destinations
            .iter()
            .map(|(tag, (_, about))| (tag, concerned_of(about, |place| package(requests[place]))))
            .collect();
        let of_packages = packages.iter().flat_map(|(tag, packages)| packages.keys().map(|package| (*tag, *package)));
        let calls: Vec<MethodCall> = destinations
            .keys()
            .map(|tag| get_tag::request(tag.as_str()))
            .chain(of_packages.map(|(tag, package)| get_package_config::request(tag, package)))
            .collect();
        let mut answers = self.multi_call(&calls).await?.into_iter();
        for ((tag, (target, about)), answer) in destinations.iter().zip(answers.by_ref()) {
            let decode = |value: &Value| named(get_tag::decode(value)?, |t| &t.name, tag);
            let Some(found) = self.understood("getTag", answer, decode, about) else { continue };
            let Some(found) = found else {
                let problem = Obstacle::NoTag { tag: tag.clone(), target: (*target).to_owned() };
                self.find(problem, about.clone());
                continue;
            };
            if found.locked {
                self.find(Obstacle::TagLocked(tag.clone()), about.clone());
            }
            // An admin is let in only by force, which no task uses.
            if let (Some(permission), Some(own)) = (found.permission, permissions)
                && !own.contains(&permission)
            {
                self.find(Obstacle::TagNeeds { tag: tag.clone(), permission }, about.clone());
            }
        }
        for (tag, packages) in packages {
            let (mut missing, mut blocked) = (Concerned::new(), Concerned::new());
            for (package, about) in packages {
                let Some(answer) = answers.next() else { break };
                let decode = |value: &Value| named(get_package_config::decode(value)?, |c| &c.package, package);
                match self.understood("getPackageConfig", answer, decode, &about) {
                    Some(None) => _ = missing.insert(package, about),
                    Some(Some(config)) if config.blocked => _ = blocked.insert(package, about),
                    _ => {}
                }
            }
            if let Some((packages, about)) = together(missing) {
                self.find(Obstacle::NotListed { tag: tag.clone(), packages }, about);
            }
            if let Some((packages, about)) = together(blocked) {
                self.find(Obstacle::Blocked { tag: tag.clone(), packages }, about);
            }
        }
        Ok(())
    }

    /// Makes many calls; each has an answer, or a reason why it has none.
    async fn multi_call(&self, calls: &[MethodCall]) -> Result<Vec<Answer>, KojiError> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        match self.hub.multi_call(calls).await {
            Ok(answers) => answers.into_iter().map(answered).collect(),
            Err(error) => Ok(vec![answered(Err(error))?; calls.len()]),
        }
    }

    /// What `decode` makes of an answer. Without one it is noted that `method` did not tell.
    fn understood<T>(
        &mut self,
        method: &'static str,
        answer: Answer,
        decode: impl Fn(&Value) -> Result<T, ShapeError>,
        about: &[usize],
    ) -> Option<T> {
        let reason = match answer {
            Ok(value) => match decode(&value) {
                Ok(read) => return Some(read),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        self.reasons.entry(method).or_insert(reason);
        self.unanswered.entry(method).or_default().extend(about);
        None
    }

    fn find(&mut self, problem: Obstacle, requests: Vec<usize>) {
        self.found.push(Finding { problem, requests });
    }

    /// Everything that was found, in the order of the requests; what was not answered last.
    fn findings(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.requests.first().copied());
        for ((method, mut requests), reason) in self.unanswered.into_iter().zip(self.reasons.into_values()) {
            requests.sort_unstable();
            requests.dedup();
            let problem = Obstacle::NotAnswered { method: method.to_owned(), reason };
            self.found.push(Finding { problem, requests });
        }
        self.found
    }
}

/// Tells a hub that does not answer a question from one that cannot be asked any.
fn answered(answer: Result<Value, KojiError>) -> Result<Answer, KojiError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_about_the_answer() => Ok(Err(Arc::new(error))),
        Err(error) => Err(error),
    }
}

/// Refuses an answer about something else: a hub that leaves out what it was asked about gives some target or other (facts: koji 20).
fn named<T>(found: Option<T>, name: fn(&T) -> &str, wanted: &str) -> Result<Option<T>, ShapeError> {
    match found.as_ref().map(name).filter(|name| *name != wanted) {
        Some(other) => Err(ShapeError::new("name", format!("asked about {wanted}, the hub answered about {other}"))),
        None => Ok(found),
    }
}

/// Groups the requests by what `key` says of them.
fn concerned<'r, K: Ord>(requests: &[&'r TaskRequest], key: impl Fn(&'r TaskRequest) -> Option<K>) -> Concerned<K> {
    let all: Vec<usize> = (0..requests.len()).collect();
    concerned_of(&all, |place| key(requests[place]))
}

/// Groups some places by what `key` says of them.
fn concerned_of<K: Ord>(places: &[usize], key: impl Fn(usize) -> Option<K>) -> Concerned<K> {
    let mut found = Concerned::new();
    for place in places {
        if let Some(key) = key(*place) {
            found.entry(key).or_insert_with(Vec::new).push(*place);
        }
    }
    found
}

/// Packages in the order of their images, and all of these.
fn together(packages: Concerned<&str>) -> Option<(Vec<String>, Vec<usize>)> {
    let mut packages: Vec<(&str, Vec<usize>)> = packages.into_iter().collect();
    packages.sort_by(|(_, one), (_, other)| one.cmp(other));
    let mut all: Vec<usize> = packages.iter().flat_map(|(_, about)| about).copied().collect();
    all.sort_unstable();
    let names = packages.into_iter().map(|(package, _)| package.to_owned()).collect::<Vec<_>>();
    (!names.is_empty()).then_some((names, all))
}

/// The package that the build of a request is of, if that is known: some builders find its name in a description (facts: kiwibuild 4).
fn package(request: &TaskRequest) -> Option<&str> {
    request.method.names_build.then(|| request.name())
}

/// Whether the build gets the destination tag.
fn is_tagged(request: &TaskRequest) -> bool {
    !request.about.scratch && request.keywords.get("skip_tag") != Some(&Json::Bool(true))
}
