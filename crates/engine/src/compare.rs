//! *Comparing* the tasks of a journal with what a hub says of them: whether it is the hub that made them, and whether they are
//! what was asked for.

use crate::find_task::Stranger;
use crate::history::PlannedRequest;
use magudi_koji::calls::TaskInfo;
use magudi_koji::{Hub, KojiError, Value};
use std::collections::BTreeSet;

/// Tasks that are asked about in one call, with their arguments.
const TASKS_PER_CALL: usize = 200;

/// The first of the tasks of requests that the hub does not know, or that `is_ours` does not: the task, and why. The hub's words
/// of a task have its arguments.
pub async fn first_stranger(
    hub: &Hub,
    tasks: &[(usize, i64)],
    is_ours: impl Fn(usize, &TaskInfo) -> Result<(), Stranger>,
) -> Result<Option<(usize, i64, Stranger)>, KojiError> {
    for some in tasks.chunks(TASKS_PER_CALL) {
        let ids: Vec<i64> = some.iter().map(|(_, task)| *task).collect();
        let infos = hub.get_task_info_with_request(&ids).await?;
        for ((request, task), info) in some.iter().zip(infos) {
            let verdict = match info {
                Ok(Some(info)) => is_ours(*request, &info),
                Ok(None) => Err(Stranger::Unknown),
                Err(error) => Err(Stranger::Unread(error)),
            };
            if let Err(reason) = verdict {
                return Ok(Some((*request, *task, reason)));
            }
        }
    }
    Ok(None)
}

/// Whether a task, whose arguments were asked for, can be the one of a request of which only the journal knows what it was:
/// method, name, version and arches are the same.
pub fn resembles(task: &TaskInfo, asked: &PlannedRequest) -> Result<(), Stranger> {
    if !asked.method.is_empty() && task.method != asked.method {
        return Err(Stranger::Method { found: task.method.clone(), asked: asked.method.clone() });
    }
    let arguments = task.request.as_deref().unwrap_or_default();
    let texts: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
    let has_arches = |argument: &Value| {
        let arches: Option<BTreeSet<&str>> =
            argument.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
        arches.is_some_and(|arches| arches == asked.arches.iter().map(String::as_str).collect())
    };
    // Behind the version stands the release, if one was asked for.
    let version = asked.nvr.strip_prefix(asked.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    let has_version = version.is_some_and(|version| {
        texts.iter().any(|text| version.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    });
    if texts.contains(&asked.name.as_str()) && has_version && arguments.iter().any(has_arches) {
        Ok(())
    } else {
        Err(Stranger::Arguments(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use magudi_koji::calls::TaskState;
    use magudi_koji::value::string;

    fn task(arguments: Vec<Value>) -> TaskInfo {
        TaskInfo {
            id: 1,
            state: TaskState::Open,
            method: "osbuildImage".to_owned(),
            owner: Some(3),
            arch: None,
            label: None,
            parent: None,
            host_id: None,
            waiting: None,
            create_ts: None,
            start_ts: None,
            completion_ts: None,
            request: Some(arguments),
        }
    }

    #[test]
    fn a_task_is_known_by_what_the_journal_has_of_its_request() {
        let list = |items: &[&str]| Value::Array(items.iter().map(|item| string(*item)).collect());
        let arguments = |name: &str, version: &str, arches: &[&str]| {
            let (distro, kind, target) = (string("fedora-42"), string("qcow2"), string("f42-image"));
            vec![string(name), string(version), distro, kind, target, list(arches)]
        };
        let asked = PlannedRequest {
            method: "osbuildImage".to_owned(),
            name: "disk".to_owned(),
            arches: vec!["x86_64".to_owned(), "aarch64".to_owned()],
            nvr: "disk-9.2-1".to_owned(),
            ..PlannedRequest::default()
        };
        let both = ["aarch64", "x86_64"];
        assert!(resembles(&task(arguments("disk", "9.2", &both)), &asked).is_ok());
        for (name, version, arches) in
            [("disk2", "9.2", &both[..]), ("disk", "9.3", &both), ("disk", "9", &both), ("disk", "9.2", &both[..1])]
        {
            assert!(resembles(&task(arguments(name, version, arches)), &asked).is_err(), "{name} {version} {arches:?}");
        }
        let other = PlannedRequest { method: "kiwiBuild".to_owned(), ..asked.clone() };
        assert!(
            resembles(&task(arguments("disk", "9.2", &both)), &other).unwrap_err().to_string().contains("kiwiBuild")
        );
        let before = PlannedRequest { method: String::new(), nvr: "disk-9.2".to_owned(), ..asked };
        assert!(resembles(&task(arguments("disk", "9.2", &both)), &before).is_ok(), "an older journal");
        assert!(resembles(&task(vec![]), &before).is_err());
    }

    #[test]
    fn owners_are_compared_where_they_are_known() {
        let task = task(vec![]);
        let is_of = crate::find_task::is_of;
        assert!(is_of(&task, &BTreeSet::new()).is_ok());
        assert!(is_of(&task, &BTreeSet::from([2, 3])).is_ok());
        assert_eq!(is_of(&task, &BTreeSet::from([2])).unwrap_err().to_string(), "it belongs to user 3");
    }
}
