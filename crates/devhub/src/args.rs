//! *Arguments* of a call, bound to the parameters of a hub method as Python binds them.

use std::collections::BTreeSet;

use magudi_koji::value::split_kwargs;

use crate::python;
use crate::wire::{Fault, Value, parameter, truthy};

/// The parameters of a method, as `_listapi` shows them: names separated by spaces, `name=default` for optional ones, and
/// `*name` for any number of further ones.
pub(crate) type Signature = &'static str;

/// The arguments of one call, in the order of the parameters.
#[derive(Debug)]
pub(crate) struct Args {
    values: Vec<Option<Value>>,
    rest: Vec<Value>,
    positional: usize,
}

/// The name and the default of a parameter.
pub(crate) fn parameters(signature: Signature) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    signature.split_whitespace().map(|p| match p.split_once('=') {
        Some((name, default)) => (name, Some(default)),
        None => (p, None),
    })
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}

/// Binds `params` to the parameters of `function`; a fault 1019 with Python's own words if they do not fit. It is too old to have
/// the parameters in `unknown`.
pub(crate) fn bind(
    function: &str,
    signature: Signature,
    params: Vec<Value>,
    unknown: Option<&BTreeSet<String>>,
) -> Result<Args, Fault> {
    let arguments = split_kwargs(params);
    let known: Vec<_> = parameters(signature).filter(|(name, _)| !name.starts_with('*')).collect();
    let variadic = signature.contains('*');
    let mut positional = arguments.positional;
    let given = positional.len();
    let mut rest = Vec::new();
    if given > known.len() {
        rest = positional.split_off(known.len());
    }
    let mut values: Vec<Option<Value>> = positional.into_iter().map(Some).collect();
    values.resize_with(known.len(), || None);
    for (name, value) in arguments.named {
        let is_known = unknown.is_none_or(|unknown| !unknown.contains(name.as_str()));
        match known.iter().position(|(n, _)| *n == name.as_str() && is_known) {
            Some(i) if values[i].is_some() => {
                return Err(parameter(format!("{function}() got multiple values for argument '{name}'")));
            }
            Some(i) => values[i] = Some(value),
            None => {
                return Err(parameter(format!("{function}() got an unexpected keyword argument '{name}'")));
            }
        }
    }
    if !rest.is_empty() && !variadic {
        let required = known.iter().filter(|(_, default)| default.is_none()).count();
        let takes = match (required, known.len()) {
            (least, most) if least < most => format!("from {least} to {most} positional arguments"),
            (_, 1) => "1 positional argument".to_owned(),
            (_, most) => format!("{most} positional arguments"),
        };
        let verb = if given == 1 { "was" } else { "were" };
        return Err(parameter(format!("{function}() takes {takes} but {given} {verb} given")));
    }
    let missing: Vec<&str> = known
        .iter()
        .zip(&values)
        .filter(|((_, default), value)| default.is_none() && value.is_none())
        .map(|((name, _), _)| *name)
        .collect();
    if !missing.is_empty() {
        let (count, s) = (missing.len(), if missing.len() == 1 { "" } else { "s" });
        let names = list(&missing);
        return Err(parameter(format!("{function}() missing {count} required positional argument{s}: {names}")));
    }
    Ok(Args { values, rest, positional: given.min(known.len()) })
}

static NIL: Value = Value::Nil;

impl Args {
    /// The argument at `place`; nil if it was left out.
    pub(crate) fn get(&self, place: usize) -> &Value {
        self.given(place).unwrap_or(&NIL)
    }

    /// The argument at `place`, if there is one.
    pub(crate) fn given(&self, place: usize) -> Option<&Value> {
        self.values.get(place).and_then(Option::as_ref)
    }

    /// Whether the argument at `place` is true; `default` if it was left out.
    pub(crate) fn flag(&self, place: usize, default: bool) -> bool {
        self.given(place).map_or(default, truthy)
    }

    /// The arguments as they came, for a method of this signature: those by position, and those by name.
    pub(crate) fn as_received(&self, signature: Signature) -> (Vec<Value>, Value) {
        let given = |place: usize| self.given(place).cloned();
        let named = parameters(signature).enumerate().skip(self.positional);
        let named = named.filter_map(|(place, (name, _))| Some((name, given(place)?)));
        ((0..self.positional).filter_map(given).collect(), crate::wire::structure(named))
    }

    /// What stands after the named parameters of a variadic method.
    pub(crate) fn rest(&self) -> &[Value] {
        &self.rest
    }

    /// An id, as `convert_value(x, cast=int)` reads it: digits and whole floats are ids too.
    pub(crate) fn id(&self, place: usize) -> Result<i64, Fault> {
        id_of(self.get(place))
    }
}

/// The id that a value is (facts: koji 7).
pub(crate) fn id_of(value: &Value) -> Result<i64, Fault> {
    let id = match value {
        Value::Nil => return Err(parameter("Invalid type, expected type <class 'int'>")),
        Value::Int(n) => Some(i64::from(*n)),
        Value::Int64(n) => Some(*n),
        Value::Bool(b) => Some(i64::from(*b)),
        // Python cuts the fraction off.
        Value::Double(x) if x.is_finite() && x.abs() < 9e18 => Some(*x as i64),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    id.ok_or_else(|| wrong_type(value, "int"))
}

/// A value that must be a string.
pub(crate) fn text_of(value: &Value) -> Result<&str, Fault> {
    match value {
        Value::String(text) => Ok(text),
        Value::Nil => Err(parameter("Invalid type, expected type <class 'str'>")),
        other => Err(wrong_type(other, "str")),
    }
}

/// The fault of a value that is not of a type of Python's.
pub(crate) fn wrong_type(value: &Value, wanted: &str) -> Fault {
    let (text, class) = (python::text(value), python::class(value));
    parameter(format!("Invalid type for value '{text}': <class '{class}'>, expected type <class '{wanted}'>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{int, string, structure};

    const IMAGE: Signature = "name version distro image_type target arches opts=None priority=None";

    fn fails(params: Vec<Value>) -> String {
        bind("someImage", IMAGE, params, None).unwrap_err().string
    }

    fn named(name: &str) -> Value {
        structure([(name, Value::Nil), ("__starstar", Value::Bool(true))])
    }

    #[test]
    fn pythons_words() {
        let six = || vec![Value::Nil; 6];
        let with = |mut params: Vec<Value>, last: Value| {
            params.push(last);
            params
        };
        assert_eq!(fails(vec![Value::Nil; 5]), "someImage() missing 1 required positional argument: 'arches'");
        assert_eq!(
            fails(vec![Value::Nil]),
            "someImage() missing 5 required positional arguments: 'version', 'distro', 'image_type', 'target', \
             and 'arches'"
        );
        assert_eq!(fails(vec![Value::Nil; 10]), "someImage() takes from 6 to 8 positional arguments but 10 were given");
        assert_eq!(fails(with(six(), named("wait"))), "someImage() got an unexpected keyword argument 'wait'");
        assert_eq!(
            fails(with(vec![Value::Nil; 7], named("opts"))),
            "someImage() got multiple values for argument 'opts'"
        );
        assert!(bind("someImage", IMAGE, with(six(), named("priority")), None).is_ok());
    }

    #[test]
    fn ids() {
        assert_eq!(id_of(&string("17")), Ok(17));
        assert_eq!(id_of(&Value::Double(17.0)), Ok(17));
        assert_eq!(id_of(&int(1 << 40)), Ok(1 << 40));
        assert_eq!(
            id_of(&string("x")).unwrap_err().string,
            "Invalid type for value 'x': <class 'str'>, expected type <class 'int'>"
        );
        assert_eq!(id_of(&Value::Nil).unwrap_err().string, "Invalid type, expected type <class 'int'>");
    }

    #[test]
    fn variadic_methods_take_anything() {
        let args = bind("echo", "*args", vec![int(1), int(2)], None).unwrap();
        assert_eq!(args.rest(), [int(1), int(2)]);
    }
}
