//! A *remote call*: from the bytes of a request to the bytes of the answer, in the order in which a hub checks
//! (facts: koji 2).

use magudi_koji::xmlrpc::{decode_call, encode_fault, encode_response};

use crate::args;
use crate::call::Call;
use crate::caller::Caller;
use crate::clock::{self, Micros};
use crate::hub::{Hub, Setting};
use crate::methods::{self, Method};
use crate::state::HubState;
use crate::wire::{self, Answer, Fault, Value, fault_value, generic, parameter, python};

/// Values that the calls of one multicall may answer all together.
const MAX_MULTICALL_VALUES: usize = 4_000_000;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Answer {
        method: String,
        /// The answer, which may be a fault.
        body: Vec<u8>,
    },
    /// The request is not XML-RPC.
    Invalid(String),
    /// The answer cannot be written down.
    Unencodable(String),
}

/// Answers the request `body` of `caller`.
pub(crate) fn answer(hub: &Hub, body: &[u8], caller: &Caller) -> Reply {
    let call = match decode_call(body) {
        Ok(call) => call,
        Err(error) => return Reply::Invalid(error.to_string()),
    };
    let name = if call.method == "system.multicall" { "multiCall".to_owned() } else { call.method };
    let body = match run(hub, &name, call.params, caller) {
        Ok(value) => match encode_response(&value) {
            Ok(body) => body,
            Err(error) => return Reply::Unencodable(error.to_string()),
        },
        Err(fault) => encode_fault(&fault),
    };
    Reply::Answer { method: name, body }
}

fn find(setting: &Setting, name: &str) -> Result<Method, Fault> {
    let shown = if name.is_empty() { "None" } else { name };
    let is_known = !setting.scenario.unknown_methods.contains(name);
    methods::find(setting, name).filter(|_| is_known).ok_or_else(|| generic(format!("Invalid method: {shown}")))
}

fn run(hub: &Hub, name: &str, params: Vec<Value>, caller: &Caller) -> Answer {
    let is_multicall = name == "multiCall";
    if !is_multicall {
        find(&hub.setting, name)?;
    }
    let mut state = hub.state();
    let state = &mut *state;
    let now = clock::now();
    let credentials = caller.credentials.clone()?;
    let is_login = matches!(name, "login" | "sslLogin");
    let session = match &credentials {
        Some(credentials) => Some(state.sessions.check(credentials, name, is_login, caller.ip, now)?),
        None => None,
    };
    if caller.is_locked_out && !is_login {
        let user = session.and_then(|id| state.sessions.get(id)).and_then(|session| state.accounts.by_id(session.user));
        if !user.is_some_and(|user| user.may("admin")) {
            return Err(Fault::new(wire::OFFLINE, "Server disabled for maintenance"));
        }
    }
    let mut context = Context { setting: &hub.setting, state, session, caller, now, wrote: false };
    let callnum = credentials.as_ref().and_then(|credentials| credentials.callnum);
    let answer =
        if is_multicall { context.multicall(params) } else { context.call(find(&hub.setting, name)?, params, callnum) };
    // A call that failed changed nothing, as far as its number is concerned (facts: sessions 8).
    if answer.is_ok()
        && context.wrote
        && let Some(session) = session
    {
        context.state.sessions.wrote(session, callnum);
    }
    answer
}

struct Context<'a> {
    setting: &'a Setting,
    state: &'a mut HubState,
    session: Option<i64>,
    caller: &'a Caller,
    now: Micros,
    wrote: bool,
}

impl Context<'_> {
    fn call(&mut self, method: Method, params: Vec<Value>, callnum: Option<i64>) -> Answer {
        let unknown = self.setting.scenario.unknown_options.get(method.name);
        let args =
            args::bind(method.function, method.signature, params, unknown).map_err(|fault| match method.name {
                // A login is not called the way the others are.
                "login" | "sslLogin" => python("TypeError", &fault.string),
                _ => fault,
            })?;
        if method.writes && callnum.is_some_and(|n| i32::try_from(n).is_err()) {
            return Err(python("psycopg2.errors.NumericValueOutOfRange", "integer out of range\n"));
        }
        let mut call = Call {
            setting: self.setting,
            state: self.state,
            args,
            session: self.session,
            caller: self.caller,
            now: self.now,
            wrote: false,
        };
        let answer = method.run(&mut call);
        self.wrote |= call.wrote && answer.is_ok();
        answer
    }

    fn multicall(&mut self, mut params: Vec<Value>) -> Answer {
        let calls = match (params.pop(), params.is_empty()) {
            (Some(Value::Array(calls)), true) => calls,
            (None, _) => {
                return Err(parameter(
                    "ModXMLRPCRequestHandler.multiCall() missing 1 required positional argument: 'calls'",
                ));
            }
            _ => return Err(parameter("multiCall() takes one list of calls")),
        };
        let mut room = MAX_MULTICALL_VALUES;
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let answer = self.inner(call);
            let used = answer.as_ref().map_or(1, count);
            room = room.checked_sub(used).ok_or_else(|| python("MemoryError", "the answers are too long"))?;
            answers.push(match answer {
                Ok(value) => Value::Array(vec![value]),
                Err(fault) => fault_value(&fault, true),
            });
        }
        Ok(Value::Array(answers))
    }

    fn inner(&mut self, call: Value) -> Answer {
        let Value::Struct(mut call) = call else {
            return Err(python("TypeError", "a call is a struct of methodName and params"));
        };
        let Some(Value::String(name)) = call.remove("methodName") else {
            return Err(python("KeyError", "'methodName'"));
        };
        let Some(Value::Array(params)) = call.remove("params") else {
            return Err(Fault::new(wire::PYTHON, "params"));
        };
        if matches!(name.as_str(), "multiCall" | "system.multicall") {
            return self.multicall(params);
        }
        let method = find(self.setting, &name)?;
        self.call(method, params, None)
    }
}

/// How many values a value is made of.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Struct(members) => 1 + members.values().map(count).sum::<usize>(),
        _ => 1,
    }
}
