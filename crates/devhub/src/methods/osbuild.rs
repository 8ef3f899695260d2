//! The method of the osbuild plugin: `osbuildImage` (KOJI.md 5).

use magudi_koji::value::with_line_feeds;

use super::{Method, write};
use crate::ids;
use crate::journal::{Record, encode_request};
use crate::plan::Plan;
use crate::python;
use crate::rpc::Call;
use crate::schema;
use crate::wire::{Answer, Fault, Value, generic, int, not_allowed};

pub(super) static METHODS: &[Method] = &[write(
    "osbuildImage",
    "name version distro image_type target arches opts=None priority=None",
    "Asks for images; answers with the id of the task.",
    submit,
)];

fn submit(call: &mut Call<'_>) -> Answer {
    let (owner, is_admin) = call.user_with("image").map(|user| (user.id, user.may("admin")))?;
    let args: [&Value; 6] = std::array::from_fn(|place| call.args.get(place));
    let opts = call.args.get(6);
    schema::check(&args, opts)?;
    check_priority(call.args.get(7), is_admin)?;
    if !call.state.image_channel_enabled {
        return Err(generic("Channel image is disabled."));
    }
    let name = args[0].as_str().unwrap_or_default();
    if let Some(text) = call.setting.scenario.submit_error.get(name) {
        return Err(generic(text.as_str()));
    }
    // The id is made of what was received; what is kept has one image type, as a string.
    let received: Vec<Value> = args.into_iter().cloned().collect();
    let wanted = ids::task_id(&received, opts, &call.setting.placeholders);
    let mut request = received;
    request.push(opts.clone());
    if let Some(Value::Array(types)) = request.get(3) {
        let first = types.first().cloned().unwrap_or(Value::Nil);
        request[3] = first;
    }
    new_task(call, wanted, owner, request)
}

/// Adds a task for `request`, under the first free id from `wanted` on.
pub(super) fn new_task(call: &mut Call<'_>, wanted: i64, owner: i64, request: Vec<Value>) -> Answer {
    // A hub's database keeps it as XML.
    let request: Vec<Value> = request.iter().map(with_line_feeds).collect();
    let id = call.state.free_task_id(wanted);
    let plan = Plan::new(&call.setting.scenario, id, call.now, &request);
    let created = call.now;
    call.keep(|| {
        let request = encode_request(&request)?;
        Ok(Record::Task { id, owner, created, request, plan: plan.clone() })
    })?;
    call.state.add_task(id, owner, created, request, plan);
    Ok(int(id))
}

fn check_priority(priority: &Value, is_admin: bool) -> Result<(), Fault> {
    let negative = match priority {
        Value::Nil | Value::Bool(_) => false,
        Value::Int(n) => *n < 0,
        Value::Int64(n) => *n < 0,
        Value::Double(x) => *x < 0.0,
        other => {
            let text = format!("'<' not supported between instances of '{}' and 'int'", python::class(other));
            return Err(python_error(&text));
        }
    };
    if negative && !is_admin {
        return Err(not_allowed("only admins may create high-priority tasks"));
    }
    Ok(())
}

fn python_error(text: &str) -> Fault {
    crate::wire::python("TypeError", text)
}
