//! Methods about tasks (facts: koji 5).

use std::cmp::Reverse;

use super::{Method, query, read, write};
use crate::args::id_of;
use crate::builders::{self, Submitted};
use crate::call::Call;
use crate::clock;
use crate::journal::{Record, encode_request};
use crate::plan::Plan;
use crate::tasks::{HOST, HOST_NAME, Task, TaskState};
use crate::wire::fault_value;
use crate::wire::{Answer, Fault, Value, generic, int, not_allowed, string, structure, truthy};

pub(super) static METHODS: &[Method] = &[
    read("getTaskInfo", "task_id request=False strict=False", "A task, or a list of them.", get_info),
    read("getTaskRequest", "taskId", "The arguments of a task.", |call| {
        Ok(found(call, 0)?.map_or(Value::Nil, |task| Value::Array(call.state.request_of(task).into_owned())))
    }),
    read("getTaskResult", "taskId raise_fault=True", "What a task left.", get_result),
    read("taskFinished", "taskId", "Whether a task is over.", |call| {
        strictly(call, 0).map(|task| Value::Bool(task.state.is_final()))
    }),
    read("getTaskChildren", "task_id request=False strict=False", "The tasks under a task.", children),
    read("getTaskDescendents", "task_id request=False", "The tasks under a task, and those under them.", descendents),
    read("listTasks", "opts=None queryOpts=None", "Tasks.", list),
    write("cancelTask", "task_id recurse=True", "Calls off a task.", cancel),
    write("cancelTaskFull", "task_id strict=True", "Calls off a task and all around it.", cancel_full),
    write("cancelTaskChildren", "task_id", "Calls off the tasks under a task.", cancel_children),
    write("freeTask", "task_id", "Gives a task back to the queue.", free),
    write("assignTask", "task_id host force=False override=False", "Gives a task to a builder.", assign),
    write("resubmitTask", "taskID", "Submits a task that failed or was called off again.", resubmit),
    write("setTaskPriority", "task_id priority recurse=True", "Changes the priority of a task.", set_priority),
];

fn no_rows() -> Fault {
    generic("query returned no rows")
}

fn found<'c>(call: &'c Call<'_>, place: usize) -> Result<Option<&'c Task>, Fault> {
    Ok(call.state.tasks.get(call.args.id(place)?))
}

fn strictly<'c>(call: &'c Call<'_>, place: usize) -> Result<&'c Task, Fault> {
    found(call, place)?.ok_or_else(no_rows)
}

fn get_info(call: &mut Call<'_>) -> Answer {
    let (request, strict) = (call.args.flag(1, false), call.args.flag(2, false));
    let info = |id: &Value| match call.state.tasks.get(id_of(id)?) {
        Some(task) => Ok(info_of(call, task, request)),
        None if strict => Err(no_rows()),
        None => Ok(Value::Nil),
    };
    match call.args.get(0) {
        Value::Array(ids) => ids.iter().map(info).collect::<Result<_, _>>().map(Value::Array),
        id => info(id),
    }
}

/// The struct of `getTaskInfo`, with the request if it is asked for.
fn info_of(call: &Call<'_>, task: &Task, request: bool) -> Value {
    let mut value = task.to_value();
    if let Value::Struct(members) = &mut value
        && request
    {
        members.insert("request", Value::Array(call.state.request_of(task).into_owned()));
    }
    value
}

fn get_result(call: &mut Call<'_>) -> Answer {
    let Some(task) = found(call, 0)? else {
        return Err(generic("No such task"));
    };
    let id = task.id;
    match (call.state.left_by(call.setting, task), task.state) {
        (_, TaskState::Canceled) => Err(generic(format!("Task {id} is canceled"))),
        (Some(Ok(value)), _) => Ok(value),
        (Some(Err(fault)), _) if call.args.flag(1, true) => Err(fault.clone()),
        (Some(Err(fault)), _) => Ok(fault_value(fault, false)),
        (None, _) => Err(generic(format!("Task {id} is not finished"))),
    }
}

/// The tasks under a task, by id.
fn children_of<'c>(call: &'c Call<'_>, id: i64) -> Vec<&'c Task> {
    let ids = call.state.tasks.get(id).into_iter().flat_map(|task| &task.children);
    let mut children: Vec<&Task> = ids.filter_map(|child| call.state.tasks.get(*child)).collect();
    children.sort_by_key(|child| child.id);
    children
}

fn values(call: &Call<'_>, tasks: Vec<&Task>, request: bool) -> Value {
    Value::Array(tasks.into_iter().map(|task| info_of(call, task, request)).collect())
}

fn children(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    if call.args.flag(2, false) {
        strictly(call, 0)?;
    }
    // A real hub orders them by nothing, and they came by label.
    let mut children = children_of(call, id);
    children.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(values(call, children, call.args.flag(1, false)))
}

fn descendents(call: &mut Call<'_>) -> Answer {
    let request = call.args.flag(1, false);
    let mut ids = vec![call.args.id(0)?];
    let mut members = Vec::new();
    while let Some(id) = ids.pop() {
        let children = children_of(call, id);
        ids.extend(children.iter().map(|child| child.id));
        members.push((id.to_string(), values(call, children, request)));
    }
    Ok(structure(members))
}

/// What `listTasks` is asked to pick.
struct Filter<'a>(&'a Value);

impl Filter<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        let value = self.0.get(name)?;
        value.as_f64().or_else(|| value.as_i64().map(|n| n as f64))
    }

    fn is(&self, name: &str, id: Option<i64>) -> bool {
        match self.0.get(name) {
            None => true,
            Some(Value::Nil) => id.is_none(),
            Some(Value::Array(ids)) => ids.iter().any(|wanted| wanted.as_i64() == id && id.is_some()),
            Some(wanted) => wanted.as_i64() == id && id.is_some(),
        }
    }

    fn text_is(&self, name: &str, text: &str) -> bool {
        match self.0.get(name) {
            None | Some(Value::Nil) => true,
            Some(Value::Array(texts)) => texts.iter().any(|wanted| wanted.as_str() == Some(text)),
            Some(wanted) => wanted.as_str() == Some(text),
        }
    }

    fn in_time(&self, name: &str, time: Option<clock::Micros>) -> bool {
        let (after, before) = (self.number(&format!("{name}After")), self.number(&format!("{name}Before")));
        let seconds = time.map(clock::seconds);
        after.is_none_or(|after| seconds.is_some_and(|s| s > after))
            && before.is_none_or(|before| seconds.is_some_and(|s| s < before))
    }

    fn takes(&self, task: &Task) -> bool {
        let not_owner = self.0.get("not_owner").and_then(Value::as_i64);
        self.is("owner", Some(task.owner))
            && not_owner.is_none_or(|owner| owner != task.owner)
            && self.is("parent", task.parent)
            && self.is("state", Some(task.state as i64))
            && self.is("channel_id", Some(task.channel))
            && self.is("host_id", task.host())
            && self.text_is("method", &task.method)
            && self.text_is("arch", &task.arch)
            && self.in_time("created", Some(task.created))
            && self.in_time("started", task.started)
            && self.in_time("completed", task.completed)
            && self.in_time("complete", task.completed)
    }
}

fn list(call: &mut Call<'_>) -> Answer {
    let filter = Filter(call.args.get(0));
    let options = call.args.get(1);
    let decode = call.args.get(0).get("decode").is_some_and(truthy);
    let mut tasks: Vec<&Task> = call.state.tasks.values().filter(|task| filter.takes(task)).collect();
    let option = |name: &str| options.get(name).filter(|value| **value != Value::Nil);
    let number = |name: &str| option(name).and_then(Value::as_i64).and_then(|n| usize::try_from(n).ok());
    let order = option("order").and_then(Value::as_str).unwrap_or("id");
    // Most lists are wanted by id; then only the rows that are asked for are made.
    if matches!(order, "id" | "-id") {
        if order == "-id" {
            tasks.sort_by_key(|task| Reverse(task.id));
        }
        let (offset, limit) = (number("offset").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
        let chosen: Vec<&Task> = tasks.into_iter().skip(offset).take(limit).collect();
        if option("countOnly").is_some_and(truthy) {
            return Ok(int(chosen.len() as i64));
        }
        return Ok(Value::Array(chosen.into_iter().map(|task| row(call, task, decode)).collect()));
    }
    query::apply(tasks.into_iter().map(|task| row(call, task, decode)).collect(), options)
}

fn row(call: &Call<'_>, task: &Task, decode: bool) -> Value {
    let owner = call.state.accounts.by_id(task.owner);
    let result = match call.state.left_by(call.setting, task) {
        None => Value::Nil,
        Some(Ok(value)) => value,
        Some(Err(fault)) => fault_value(fault, false),
    };
    let request = call.state.request_of(task);
    let (request, result) = if decode {
        (Value::Array(request.into_owned()), result)
    } else {
        let raw = |values: &[Value]| encode_request(values).map_or(Value::Nil, string);
        let result = if result == Value::Nil { result } else { raw(&[result]) };
        (raw(&request), result)
    };
    let mut value = task.to_value();
    if let Value::Struct(members) = &mut value {
        members.insert("request", request);
        members.insert("result", result);
        members.insert("owner_name", string(owner.map_or("", |user| user.name.as_str())));
        members.insert("owner_type", int(i64::from(owner.is_some_and(|user| user.is_host))));
    }
    value
}

fn do_cancel(call: &mut Call<'_>, id: i64, recurse: bool) -> Result<(), Fault> {
    let time = call.now;
    call.keep(|| Ok(Record::Cancel { id, time, recurse }))?;
    call.state.cancel(id, time, recurse);
    Ok(())
}

fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.args.id(0)?;
    let Some(owner) = call.state.tasks.get(id).map(|task| task.owner) else {
        return Err(generic(format!("No such task: {id}")));
    };
    if !call.user().is_some_and(|user| user.id == owner || user.may("admin")) {
        return Err(not_allowed("Cannot cancel task, not owner"));
    }
    let recurse = call.args.flag(1, true);
    do_cancel(call, id, recurse)?;
    Ok(Value::Nil)
}

fn cancel_full(call: &mut Call<'_>) -> Answer {
    call.user_with("admin")?;
    let task = strictly(call, 0)?;
    if task.parent.is_some() && call.args.flag(1, true) {
        return Err(generic(format!("Task {} is not top-level (parent={})", task.id, task.parent.unwrap_or_default())));
    }
    let id = task.parent.unwrap_or(task.id);
    do_cancel(call, id, true)?;
    Ok(Value::Nil)
}

fn cancel_children(call: &mut Call<'_>) -> Answer {
    let task = strictly(call, 0)?;
    let (owner, children) = (task.owner, task.children.clone());
    if !call.user().is_some_and(|user| user.id == owner || user.may("admin")) {
        return Err(not_allowed("Cannot cancel task, not owner"));
    }
    for child in children {
        do_cancel(call, child, true)?;
    }
    Ok(Value::Nil)
}

fn resubmit(call: &mut Call<'_>) -> Answer {
    let Some(user) = call.user().map(|user| user.id) else {
        return Err(not_allowed("you must be logged in for this operation"));
    };
    let task = strictly(call, 0)?;
    if !matches!(task.state, TaskState::Canceled | TaskState::Failed) {
        return Err(generic("only canceled or failed tasks may be resubmitted"));
    }
    if task.owner != user {
        call.user_with("admin")?;
    }
    let Some(builder) = task.builder else {
        return Err(generic(format!("{} tasks cannot be resubmitted by themselves", task.method)));
    };
    let task = strictly(call, 0)?;
    let submitted = Submitted { owner: task.owner, priority: task.priority, request: task.request.clone() };
    let identity = builder.identity(&submitted.request);
    builders::new_task(call, builder, &identity, submitted)
}

fn free(call: &mut Call<'_>) -> Answer {
    call.user_with("admin")?;
    let task = strictly(call, 0)?;
    let (id, state) = (task.id, task.state);
    if state.is_final() {
        return Err(generic(format!("Cannot free task {id}, state is {}", state.name())));
    }
    if let Some(builder) = task.builder
        && state != TaskState::Free
    {
        let time = call.now;
        let script = call.state.script(&call.setting.scenario, builder, id, &task.request);
        let plan = Plan::new(&script, &call.state.targets, builder, id, time, &task.request);
        call.keep(|| Ok(Record::GiveBack { id, time, plan: plan.clone() }))?;
        call.state.give_back(id, plan);
    }
    Ok(Value::Nil)
}

fn assign(call: &mut Call<'_>) -> Answer {
    call.user_with("admin")?;
    let id = strictly(call, 0)?.id;
    let known = match call.args.get(1) {
        Value::String(name) => name == HOST_NAME,
        other => other.as_i64() == Some(HOST),
    };
    if !known {
        return Err(generic(format!("No such host: {}", crate::python::repr(call.args.get(1)))));
    }
    // A restart would lose it, and the builder would have begun by then anyway.
    call.wrote = true;
    Ok(Value::Bool(call.state.assign(id)))
}

fn set_priority(call: &mut Call<'_>) -> Answer {
    call.user_with("admin")?;
    let (id, priority, recurse) = (call.args.id(0)?, call.args.id(1)?, call.args.flag(2, true));
    strictly(call, 0)?;
    let mut ids = vec![id];
    while let Some(id) = ids.pop() {
        if let Some(task) = call.state.tasks.get_mut(id) {
            task.priority = priority;
            if recurse {
                ids.extend(&task.children);
            }
        }
    }
    call.wrote = true;
    Ok(Value::Nil)
}
