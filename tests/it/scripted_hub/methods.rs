//! The methods of a scripted hub (facts: koji 2).

use super::Call;
use super::state::{Build, State, Task};
use magudi_koji::value::{Arguments, int, split_kwargs, string, structure};
use magudi_koji::xmlrpc::Value;
use std::time::Instant;

type Answered = Result<Value, (i64, String)>;

/// What `system.listMethods` lists, as far as anything here looks for it.
const METHODS: [&str; 8] = [
    "getTaskInfo",
    "getPackageConfig",
    "osbuildImage",
    "imageBuilderBuild",
    "kiwiBuild",
    "buildImage",
    "buildImageOz",
    "system.listMethods",
];

/// Whether a call writes, so that its number is kept.
pub fn writes(call: &Call) -> bool {
    let is_writing = |method: &str| makes_task(method) || matches!(method, "cancelTask" | "resubmitTask" | "logout");
    is_writing(&call.method) || methods_in(call).any(is_writing)
}

/// The methods of the calls inside of a `multiCall`.
pub fn methods_in(call: &Call) -> impl Iterator<Item = &str> {
    let is_multi = matches!(call.method.as_str(), "multiCall" | "system.multicall");
    let entries = call.params.first().and_then(Value::as_array).filter(|_| is_multi).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get("methodName").and_then(Value::as_str))
}

fn makes_task(method: &str) -> bool {
    matches!(method, "osbuildImage" | "imageBuilderBuild" | "kiwiBuild" | "buildContainer")
}

/// A fault as a value: in a `multiCall`, and as the result of a task.
pub fn fault_value(code: i64, text: &str) -> Value {
    structure([("faultCode", int(code)), ("faultString", string(text))])
}

fn generic<T>(text: impl Into<String>) -> Result<T, (i64, String)> {
    Err((1000, text.into()))
}

/// Executes a call.
pub fn execute(state: &mut State, call: &Call) -> Answered {
    let args = split_kwargs(call.params.clone());
    let text = |at: usize, name: &str| args.get(at, name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |at: usize, name: &str| args.get(at, name).and_then(Value::as_i64);
    let flag = |at: usize, name: &str| matches!(args.get(at, name), Some(Value::Bool(true)));
    match call.method.as_str() {
        "getAPIVersion" => Ok(int(1)),
        "getKojiVersion" => Ok(string("1.35.3")),
        "system.listMethods" => Ok(Value::Array(METHODS.map(string).to_vec())),
        "login" => login(state, &text(0, "user"), &text(1, "password")),
        "logout" => Ok(Value::Nil),
        "getLoggedInUser" => Ok(call.user.map_or(Value::Nil, |user| user_value(state, user))),
        "getSessionInfo" => Ok(call.user.map_or(Value::Nil, |user| structure([("user_id", int(user))]))),
        "getUser" => {
            let found = state.accounts.iter().find(|(_, account)| account.name == text(0, "userInfo"));
            let user = found.map(|(id, _)| *id).or(number(0, "userInfo")).or(call.user);
            Ok(user.filter(|user| state.accounts.contains_key(user)).map_or(Value::Nil, |id| user_value(state, id)))
        }
        "hasPerm" => Ok(Value::Bool(has_permission(state, call.user, &text(0, "perm")))),
        "getPerms" | "getUserPerms" => {
            let permissions = number(0, "userID")
                .or(call.user)
                .and_then(|user| state.accounts.get(&user))
                .map(|account| account.permissions.clone());
            Ok(Value::Array(permissions.unwrap_or_default().into_iter().map(string).collect()))
        }
        "getBuildTarget" => Ok(target(state, &text(0, "info"))),
        "getBuildTargets" => {
            let name = text(0, "info");
            let found = target(state, &name);
            Ok(Value::Array(Some(found).filter(|found| *found != Value::Nil).into_iter().collect()))
        }
        "getTag" => Ok(tag(args.get(0, "tagInfo").unwrap_or(&Value::Nil))),
        "listTags" => Ok(Value::Array(vec![tag(&string("f42-candidate"))])),
        "getPackageConfig" => {
            let package = text(1, "pkg_info");
            let is_listed = state.packages.as_ref().is_none_or(|all| all.contains(&package));
            let config = structure([
                ("package_name", string(package.as_str())),
                ("blocked", Value::Bool(state.blocked.contains(&package))),
                ("tag_id", int(3)),
            ]);
            Ok(if is_listed { config } else { Value::Nil })
        }
        "checkTagPackage" => {
            let package = text(1, "pkg");
            let is_listed = state.packages.as_ref().is_none_or(|all| all.contains(&package));
            Ok(Value::Bool(is_listed && !state.blocked.contains(&package)))
        }
        "listPackages" => {
            let row = |name: &String| {
                let blocked = Value::Bool(state.blocked.contains(name));
                structure([("package_name", string(name.as_str())), ("blocked", blocked), ("package_id", int(1))])
            };
            Ok(Value::Array(state.packages.iter().flatten().map(row).collect()))
        }
        "getChannel" => {
            let name = text(0, "channelInfo");
            let is_there = name == "image";
            let channel = structure([("id", int(7)), ("name", string(name)), ("enabled", Value::Bool(true))]);
            Ok(if is_there { channel } else { Value::Nil })
        }
        "listChannels" => Ok(Value::Array(vec![structure([("id", int(7)), ("name", string("image"))])])),
        method if makes_task(method) => {
            if !has_permission(state, call.user, "image") {
                let who = call
                    .user
                    .map_or("user not logged in".to_owned(), |user| format!("logged in as {}", state.name_of(user)));
                return Err((1004, format!("image permission required ({who})")));
            }
            Ok(int(state.submit(method, &call.params, call.user.unwrap_or_default())))
        }
        "resubmitTask" => {
            Ok(int(state.resubmit(number(0, "taskID").unwrap_or_default(), call.user.unwrap_or_default())))
        }
        "cancelTask" => {
            let id = number(0, "task_id").unwrap_or_default();
            let Some(task) = state.tasks.get(&id) else { return generic(format!("No such task: {id}")) };
            if Some(task.owner) != call.user && !has_permission(state, call.user, "admin") {
                return Err((1004, "Cannot cancel task, not owner".to_owned()));
            }
            state.cancel(id);
            Ok(Value::Nil)
        }
        "getTaskInfo" => {
            let with_request = flag(1, "request");
            let one = |id: &Value| {
                let task = id.as_i64().and_then(|id| state.seen(id));
                task.map_or(Value::Nil, |task| task.value(with_request))
            };
            Ok(match args.get(0, "task_id") {
                Some(Value::Array(ids)) => Value::Array(ids.iter().map(one).collect()),
                id => one(id.unwrap_or(&Value::Nil)),
            })
        }
        "getTaskResult" => {
            let Some(task) = number(0, "taskId").and_then(|id| state.seen(id)) else {
                return generic("No such task");
            };
            match (&task.fault, args.get(1, "raise_fault")) {
                (Some(fault), None | Some(Value::Bool(true))) => Err(fault.clone()),
                _ => task.result(),
            }
        }
        "getTaskChildren" => Ok(children(state, number(0, "task_id").unwrap_or_default(), flag(1, "request"))),
        "getTaskDescendents" => {
            let id = number(0, "task_id").unwrap_or_default();
            Ok(structure([(id.to_string(), children(state, id, flag(1, "request")))]))
        }
        "taskFinished" => match number(0, "taskId").and_then(|id| state.seen(id)) {
            Some(task) => Ok(Value::Bool(task.state.is_final())),
            None => generic("No such task"),
        },
        "listTasks" => Ok(list_tasks(state, &args)),
        "listTaskOutput" => {
            let id = number(0, "taskID").unwrap_or_default();
            let names = state.outputs.keys().filter(|(task, _)| *task == id).map(|(_, name)| string(name.as_str()));
            Ok(Value::Array(names.collect()))
        }
        "downloadTaskOutput" => {
            let (id, name) = (number(0, "taskID").unwrap_or_default(), text(1, "fileName"));
            let Some(content) = state.outputs.get(&(id, name.clone())) else {
                return generic(format!("no file \"{name}\" output by task {id}"));
            };
            let (from, size) = (number(2, "offset").unwrap_or(0) as usize, number(3, "size").unwrap_or(-1));
            let part = content.get(from..).unwrap_or_default();
            let part = part.get(..usize::try_from(size).unwrap_or(usize::MAX).min(part.len())).unwrap_or_default();
            Ok(string(base64(part)))
        }
        "getBuild" => find_build(state, args.get(0, "buildInfo").unwrap_or(&Value::Nil))
            .map(|found| found.map_or(Value::Nil, |build| state.build_value(build, false))),
        "listBuilds" => {
            let (task, owner) = (args.named.get("taskID").and_then(Value::as_i64), args.named.get("userID"));
            let fits = |build: &&Build| {
                task.is_none_or(|task| build.task == Some(task))
                    && owner.and_then(Value::as_i64).is_none_or(|owner| build.owner == owner)
            };
            let found = state.seen_builds().filter(fits).map(|build| state.build_value(build, true));
            Ok(Value::Array(found.collect()))
        }
        "listArchives" => {
            let build = number(0, "buildID").and_then(|id| state.builds.get(&id));
            let with_arch = args.named.contains_key("type");
            Ok(Value::Array(build.map_or(Vec::new(), |build| state.archive_values(build, with_arch))))
        }
        "getImageBuild" => find_build(state, args.get(0, "buildInfo").unwrap_or(&Value::Nil))
            .map(|found| found.map_or(Value::Nil, |build| structure([("build_id", int(build.id))]))),
        other => generic(format!("Invalid method: {other}")),
    }
}

fn login(state: &mut State, user: &str, password: &str) -> Answered {
    let found = state.accounts.iter().find(|(_, account)| account.name == user && account.password == password);
    let Some(id) = found.map(|(id, _)| *id) else { return Err((1002, "invalid username or password".to_owned())) };
    let (session, key) = state.open_session(id);
    Ok(structure([("session-id", int(session)), ("session-key", string(key)), ("header-auth", Value::Bool(true))]))
}

fn has_permission(state: &State, user: Option<i64>, permission: &str) -> bool {
    let account = user.and_then(|user| state.accounts.get(&user));
    account.is_some_and(|account| account.permissions.iter().any(|own| own == permission || own == "admin"))
}

fn user_value(state: &State, id: i64) -> Value {
    structure([
        ("id", int(id)),
        ("name", string(state.name_of(id))),
        ("status", int(0)),
        ("usertype", int(0)),
        ("authtype", int(0)),
        ("krb_principal", Value::Nil),
    ])
}

fn target(state: &State, name: &str) -> Value {
    if state.targets.as_ref().is_some_and(|all| !all.contains(name)) {
        return Value::Nil;
    }
    structure([
        ("id", int(1)),
        ("name", string(name)),
        ("build_tag", int(2)),
        ("build_tag_name", string("f42-build")),
        ("dest_tag", int(3)),
        ("dest_tag_name", string("f42-candidate")),
    ])
}

fn tag(info: &Value) -> Value {
    let name = match (info.as_str(), info.as_i64()) {
        (Some(name), _) => name.to_owned(),
        (_, Some(2)) => "f42-build".to_owned(),
        _ => "f42-candidate".to_owned(),
    };
    let id = if name == "f42-build" { 2 } else { 3 };
    structure([
        ("id", int(id)),
        ("name", string(name)),
        ("arches", string("x86_64 aarch64")),
        ("locked", Value::Bool(false)),
        ("perm", Value::Nil),
        ("perm_id", Value::Nil),
        ("extra", structure::<String>([])),
    ])
}

fn children(state: &State, parent: i64, with_request: bool) -> Value {
    let children = state.seen_tasks().filter(|task| task.parent == Some(parent));
    Value::Array(children.map(|task| task.value(with_request)).collect())
}

fn list_tasks(state: &State, args: &Arguments) -> Value {
    let empty = structure::<String>([]);
    let (opts, query) = (args.get(0, "opts").unwrap_or(&empty), args.get(1, "queryOpts").unwrap_or(&empty));
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_i64);
    let states: Option<Vec<i64>> =
        opts.get("state").and_then(Value::as_array).map(|states| states.iter().filter_map(Value::as_i64).collect());
    let since = opts.get("createdAfter").and_then(|since| since.as_f64().or(since.as_i64().map(|n| n as f64)));
    let now = Instant::now();
    let fits = |task: &Task| {
        now.duration_since(task.born) >= state.tasks_lag
            && number(opts, "owner").is_none_or(|owner| task.owner == owner)
            && number(opts, "parent").is_none_or(|parent| task.parent == Some(parent))
            && opts.get("method").and_then(Value::as_str).is_none_or(|method| task.method == method)
            && states.as_ref().is_none_or(|states| states.contains(&i64::from(task.state.number())))
            && since.is_none_or(|since| task.created >= since)
    };
    let mut found: Vec<Task> = state.seen_tasks().filter(fits).collect();
    if query.get("order").and_then(Value::as_str) == Some("-id") {
        found.reverse();
    }
    if query.get("countOnly").is_some_and(|only| *only == Value::Bool(true)) {
        return int(found.len() as i64);
    }
    let offset = number(query, "offset").unwrap_or(0) as usize;
    let limit = number(query, "limit").map_or(usize::MAX, |limit| limit as usize);
    let row = |task: Task| {
        let mut value = task.value(true);
        if let Value::Struct(members) = &mut value {
            members.insert("owner_name".to_owned(), string(state.name_of(task.owner)));
        }
        value
    };
    Value::Array(found.into_iter().skip(offset).take(limit).map(row).collect())
}

fn find_build<'a>(state: &'a State, info: &Value) -> Result<Option<&'a Build>, (i64, String)> {
    let by_name = |name: &str, version: &str, release: &str| {
        state
            .seen_builds()
            .rev()
            .find(|b| (b.name.as_str(), b.version.as_str(), b.release.as_str()) == (name, version, release))
    };
    if let Some(id) = info.as_i64() {
        return Ok(state.seen_builds().find(|build| build.id == id));
    }
    let part = |name: &str| info.get(name).and_then(Value::as_str);
    if let (Some(name), Some(version), Some(release)) = (part("name"), part("version"), part("release")) {
        return Ok(by_name(name, version, release));
    }
    let nvr = info.as_str().unwrap_or_default();
    let mut parts = nvr.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name)) => Ok(by_name(name, version, release)),
        _ => generic(format!("invalid format: {nvr}")),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digit =
            |at: usize| if at <= three.len() { char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]) } else { '=' };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}
