//! Methods about the hub itself.

use super::{Method, all, find, read};
use crate::args::parameters;
use crate::call::Call;
use crate::clock;
use crate::hub::Setting;
use crate::wire::{Answer, Fault, Value, generic, int, python, string, structure};

/// The version that answers to `getKojiVersion` and stands in the header `Koji-Version`.
pub(crate) const KOJI_VERSION: &str = "1.35.3";

pub(super) static METHODS: &[Method] = &[
    read("getAPIVersion", "", "The version of the API.", |_| Ok(int(1))),
    read("getKojiVersion", "", "The version of Koji that is simulated.", |_| Ok(string(KOJI_VERSION))),
    read("hello", "*args", "A greeting.", |_| Ok(string("Hello World"))),
    read("echo", "*args", "Its arguments.", |call| Ok(Value::Array(call.args.rest().to_vec())))
        .called("RootExports.echo"),
    read("error", "", "A fault.", |_| Err(generic("test error"))),
    read("fault", "", "A fault of another kind.", |_| Err(python("Exception", "test exception"))),
    read("mavenEnabled", "", "Whether there are Maven builds.", |_| Ok(Value::Bool(false))),
    read("winEnabled", "", "Whether there are Windows builds.", |_| Ok(Value::Bool(false))),
    read("getLastEvent", "before=None", "The last event.", |call| Ok(last_event(call))),
    read("system.listMethods", "", "The names of all methods.", |call| {
        Ok(Value::Array(names(call.setting).map(string).collect()))
    }),
    read("system.methodSignature", "method", "Nothing of use.", |_| Ok(string("signatures not supported"))),
    read("system.methodHelp", "method", "What a method takes and does.", method_help),
    read("_listapi", "", "All methods and what they take.", |call| {
        Ok(Value::Array(all(call.setting).map(|method| api_entry(&method)).collect()))
    }),
];

fn names(setting: &Setting) -> impl Iterator<Item = &'static str> {
    all(setting).map(|method| method.name).chain(["multiCall", "system.multicall"])
}

fn last_event(call: &Call<'_>) -> Value {
    let (id, time) = call.state.event;
    structure([("id", int(id)), ("ts", Value::Double(clock::seconds(time)))])
}

fn usage(method: &Method) -> String {
    let parameters: Vec<&str> = method.signature.split_whitespace().collect();
    format!("{}({})", method.name, parameters.join(", "))
}

fn method_help(call: &mut Call<'_>) -> Answer {
    let name = call.args.get(0).as_str().unwrap_or_default();
    let method =
        find(call.setting, name).ok_or_else(|| Fault::new(crate::wire::GENERIC, format!("Invalid method: {name}")))?;
    Ok(string(format!("{}\ndescription: {}", usage(&method), method.help)))
}

/// An entry of `_listapi`, from which `koji list-api` prints its lines.
fn api_entry(method: &Method) -> Value {
    let (mut names, mut defaults, mut args, mut varargs) = (Vec::new(), Vec::new(), Vec::new(), Value::Nil);
    for (name, default) in parameters(method.signature) {
        if let Some(name) = name.strip_prefix('*') {
            varargs = string(name);
            continue;
        }
        names.push(string(name));
        match default {
            Some(default) => {
                let default = match default {
                    "None" => Value::Nil,
                    "True" => Value::Bool(true),
                    "False" => Value::Bool(false),
                    number => number.parse().map_or_else(|_| string(number), int),
                };
                args.push(Value::Array(vec![string(name), default.clone()]));
                defaults.push(default);
            }
            None => args.push(string(name)),
        }
    }
    let defaults = if defaults.is_empty() { Value::Nil } else { Value::Array(defaults) };
    let usage = usage(method);
    structure([
        ("name", string(method.name)),
        ("doc", string(method.help)),
        ("args", Value::Array(args)),
        ("argspec", Value::Array(vec![Value::Array(names), varargs, Value::Nil, defaults])),
        ("argdesc", string(usage.strip_prefix(method.name).unwrap_or_default())),
    ])
}
