//! The *changes* of a plan: what another configuration would ask of the hub, request by request, beside what was asked.

use crate::method::Method;
use crate::plan::TaskRequest;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::hash::Hash;

/// A request, wherever it comes from: every value has a name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedRequest {
    pub phase: String,
    pub variant: String,
    pub subvariant: String,
    /// Whether the compose continues without them.
    pub failable: bool,
    pub method: String,
    /// What is sent, and what the images are called in images.json where the configuration says it (`manifest_type`).
    pub values: Map<String, Json>,
}

/// Why a text is not a plan.
#[derive(Debug, thiserror::Error)]
pub enum BadPlan {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A member is missing or of the wrong type.
    #[error("`{0}` is missing or not {1}; give a file that `magudi plan --format json` printed")]
    Value(String, &'static str),
}

/// The name of the value for what images.json calls the images.
const MANIFEST_TYPE: &str = "manifest_type";

impl From<&TaskRequest> for ComparedRequest {
    fn from(request: &TaskRequest) -> Self {
        let named = match json!(request.keywords) {
            Json::Object(named) => named,
            _ => Map::new(),
        };
        let manifest_type = request.about.manifest_type.as_deref();
        Self {
            phase: request.phase.to_owned(),
            variant: request.variant.clone(),
            subvariant: request.subvariant.clone(),
            failable: request.failable,
            method: request.method.name.to_owned(),
            values: values(Some(request.method), request.args.clone(), named, manifest_type),
        }
    }
}

/// Positional arguments get the names that the hub has for them.
fn values(
    method: Option<&Method>,
    args: Vec<Json>,
    named: Map<String, Json>,
    manifest_type: Option<&str>,
) -> Map<String, Json> {
    let name = |index: usize| match method.and_then(|method| method.parameters.get(index)) {
        Some(name) => (*name).to_owned(),
        None => format!("args.{index}"),
    };
    let mut values: Map<String, Json> =
        args.into_iter().enumerate().map(|(index, value)| (name(index), value)).collect();
    values.extend(named);
    values.extend(manifest_type.map(|name| (MANIFEST_TYPE.to_owned(), json!(name))));
    values
}

/// Reads what `magudi plan --format json` printed: the compose id and the requests. `method` knows the methods of the hub.
pub fn parse_plan(
    text: &str,
    method: &dyn Fn(&str) -> Option<&'static Method>,
) -> Result<(Option<String>, Vec<ComparedRequest>), BadPlan> {
    let mut plan: Json = serde_json::from_str(text)?;
    let compose_id = plan.get("compose_id").and_then(Json::as_str).map(str::to_owned);
    let Some(Json::Array(requests)) = plan.get_mut("requests").map(Json::take) else {
        return Err(BadPlan::Value("requests".to_owned(), "a list"));
    };
    let asked = requests.into_iter().enumerate().map(|(index, mut request)| {
        let wrong = |key: &str, what| BadPlan::Value(format!("requests.{index}.{key}"), what);
        let text = |key: &str| {
            request.get(key).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| wrong(key, "a string"))
        };
        let (phase, variant, subvariant, name) =
            (text("phase")?, text("variant")?, text("subvariant")?, text("method")?);
        let failable = request.get("failable").and_then(Json::as_bool).ok_or_else(|| wrong("failable", "a boolean"))?;
        let manifest_type = text(MANIFEST_TYPE).ok();
        let Some(Json::Array(args)) = request.get_mut("args").map(Json::take) else {
            return Err(wrong("args", "a list"));
        };
        let named = ["opts", "kwargs"].into_iter().find_map(|key| request.get_mut(key).map(Json::take));
        let Some(Json::Object(named)) = named else { return Err(wrong("opts", "an object")) };
        let values = values(method(&name), args, named, manifest_type.as_deref());
        Ok(ComparedRequest { phase, variant, subvariant, failable, method: name, values })
    });
    Ok((compose_id, asked.collect::<Result<_, _>>()?))
}

impl ComparedRequest {
    /// The image, as people call it.
    pub fn name(&self) -> &str {
        let text = |key: &str| self.values.get(key).and_then(Json::as_str);
        text("name").or_else(|| text("profile")).unwrap_or_default()
    }

    /// What is built and for which arches, in a few words.
    pub fn summary(&self) -> String {
        let words = |keys: &[&str]| keys.iter().find_map(|key| self.values.get(*key)).map(listed).unwrap_or_default();
        let (kind, arches) = (words(&KINDS), words(&["arches"]));
        let parts = [format!("subvariant {}", self.subvariant), kind, arches];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// Replaces `before` by `after` in everything that is sent.
    pub fn replace(&mut self, before: &str, after: &str) {
        self.values.values_mut().for_each(|value| replace(value, before, after));
    }

    /// What it is known by, but for its values.
    fn head(&self) -> Json {
        json!({"phase": self.phase, "subvariant": self.subvariant, "variant": self.variant, "failable": self.failable, "method": self.method})
    }

    fn value(&self, keys: &[&str]) -> String {
        keys.iter().find_map(|key| self.values.get(*key)).map(ToString::to_string).unwrap_or_default()
    }
}

/// What methods call the type of an image.
const KINDS: [&str; 4] = ["image_types", "types", "image_type", "type"];

fn listed(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(listed).collect::<Vec<_>>().join(" "),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn replace(value: &mut Json, before: &str, after: &str) {
    match value {
        Json::String(text) if text.contains(before) => *text = text.replace(before, after),
        Json::Array(items) => items.iter_mut().for_each(|item| replace(item, before, after)),
        Json::Object(members) => members.values_mut().for_each(|member| replace(member, before, after)),
        _ => {}
    }
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where it stands: dotted.
    pub path: String,
    /// What it was; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Json>,
    /// The value; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Json>,
}

/// A request that is asked for in another way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    pub old: ComparedRequest,
    pub new: ComparedRequest,
    /// What is different.
    pub differences: Vec<Difference>,
}

/// What became of the requests of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Changes {
    /// How many are asked for as they were.
    pub same: usize,
    /// Those that are asked for in another way.
    pub changed: Vec<Changed>,
    /// Those that are asked for no more.
    pub gone: Vec<ComparedRequest>,
    /// Those that were not asked for.
    pub new: Vec<ComparedRequest>,
}

/// Compares two plans.
pub fn changes(old: Vec<ComparedRequest>, new: Vec<ComparedRequest>) -> Changes {
    let mut rest = Rest { old: old.into_iter().enumerate().collect(), new, pairs: Vec::new() };
    rest.take(false, |asked| (asked.head().to_string(), json!(asked.values).to_string()));
    let same = std::mem::take(&mut rest.pairs).len();
    let names = |asked: &ComparedRequest| (asked.phase.clone(), asked.variant.clone(), asked.name().to_owned());
    let kind = |asked: &ComparedRequest| (asked.value(&KINDS), asked.value(&["arches"]));
    rest.take(false, |asked| (names(asked), asked.subvariant.clone(), kind(asked)));
    rest.take(true, |asked| (names(asked), asked.subvariant.clone(), asked.value(&KINDS)));
    rest.take(true, |asked| (names(asked), asked.subvariant.clone()));
    rest.take(true, names);
    // What another phase builds now, or under another name.
    rest.take(true, |asked| (asked.variant.clone(), asked.subvariant.clone(), asked.value(&["arches"])));
    rest.take(true, |asked| (asked.variant.clone(), asked.subvariant.clone()));
    rest.take(true, |asked| (asked.variant.clone(), asked.name().to_owned()));
    let Rest { old, new, mut pairs } = rest;
    pairs.sort_by_key(|((number, _), _)| *number);
    let gone = old.into_iter().map(|(_, asked)| asked).collect();
    let changed = pairs.into_iter().map(|((_, old), new)| {
        let mut differences = Vec::new();
        compare(&old.head(), &new.head(), "", &mut differences);
        compare(&json!(old.values), &json!(new.values), "", &mut differences);
        Changed { old, new, differences }
    });
    Changes { same, changed: changed.collect(), gone, new }
}

/// Requests that have no partner yet, and those that have.
struct Rest {
    /// With their numbers in the old plan.
    old: Vec<(usize, ComparedRequest)>,
    new: Vec<ComparedRequest>,
    pairs: Vec<((usize, ComparedRequest), ComparedRequest)>,
}

impl Rest {
    /// Takes out what has the same key; with `alone` only where no other one of either plan has it.
    fn take<K: Hash + Eq>(&mut self, alone: bool, key: impl Fn(&ComparedRequest) -> K) {
        let mut keyed: HashMap<K, [Vec<usize>; 2]> = HashMap::new();
        let all = [self.old.iter().map(|(_, asked)| asked).collect::<Vec<_>>(), self.new.iter().collect()];
        for (side, list) in all.into_iter().enumerate() {
            for (index, asked) in list.into_iter().enumerate() {
                keyed.entry(key(asked)).or_default()[side].push(index);
            }
        }
        let fits = |[olds, news]: &&[Vec<usize>; 2]| !alone || (olds.len() == 1 && news.len() == 1);
        let mut together: Vec<(usize, usize)> = keyed
            .values()
            .filter(fits)
            .flat_map(|[olds, news]| olds.iter().copied().zip(news.iter().copied()))
            .collect();
        together.sort_unstable();
        let mut olds: Vec<Option<(usize, ComparedRequest)>> =
            std::mem::take(&mut self.old).into_iter().map(Some).collect();
        let mut news: Vec<Option<ComparedRequest>> = std::mem::take(&mut self.new).into_iter().map(Some).collect();
        let taken = together
            .into_iter()
            .filter_map(|(old, new)| Some((olds.get_mut(old)?.take()?, news.get_mut(new)?.take()?)));
        self.pairs.extend(taken);
        self.old = olds.into_iter().flatten().collect();
        self.new = news.into_iter().flatten().collect();
    }
}

/// Lists what is different between two values, each at its path.
fn compare(old: &Json, new: &Json, path: &str, found: &mut Vec<Difference>) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (old, new) {
        (old, new) if old == new => {}
        (Json::Object(a), Json::Object(b)) => {
            for (key, before) in a {
                match b.get(key) {
                    Some(after) => compare(before, after, &at(key), found),
                    None => add(found, at(key), Some(before), None),
                }
            }
            let fresh = b.iter().filter(|(key, _)| !a.contains_key(*key));
            fresh.for_each(|(key, after)| add(found, at(key), None, Some(after)));
        }
        (Json::Array(a), Json::Array(b)) => {
            let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let most = a.len().min(b.len()) - front;
            let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count().min(most);
            let (a, b) = (&a[front..a.len() - back], &b[front..b.len() - back]);
            for index in 0..a.len().max(b.len()) {
                let at = at(&(front + index).to_string());
                match (a.get(index), b.get(index)) {
                    (Some(before), Some(after)) => compare(before, after, &at, found),
                    (before, after) => add(found, at, before, after),
                }
            }
        }
        _ => add(found, path.to_owned(), Some(old), Some(new)),
    }
}

fn add(found: &mut Vec<Difference>, path: String, old: Option<&Json>, new: Option<&Json>) {
    found.push(Difference { path, old: old.cloned(), new: new.cloned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(phase: &str, name: &str, subvariant: &str, values: Json) -> ComparedRequest {
        let mut values: Map<String, Json> = serde_json::from_value(values).unwrap();
        values.insert("name".to_owned(), json!(name));
        ComparedRequest {
            phase: phase.to_owned(),
            variant: "Server".to_owned(),
            subvariant: subvariant.to_owned(),
            failable: false,
            method: phase.to_owned(),
            values,
        }
    }

    fn paths(changes: &Changes) -> Vec<(String, Vec<String>)> {
        let paths = |changed: &Changed| changed.differences.iter().map(|difference| difference.path.clone()).collect();
        changes.changed.iter().map(|changed| (changed.new.name().to_owned(), paths(changed))).collect()
    }

    #[test]
    fn requests_are_known_again_by_name_then_by_what_they_build() {
        let old = vec![
            asked("osbuild", "same", "A", json!({"arches": ["x86_64"]})),
            asked("osbuild", "disk", "B", json!({"arches": ["x86_64"]})),
            asked("kiwibuild", "Minimal", "C", json!({"type": "oem"})),
            asked("osbuild", "moved", "D", json!({})),
            asked("osbuild", "gone", "E", json!({})),
        ];
        let new = vec![
            asked("osbuild", "new", "F", json!({})),
            asked("osbuild", "moved", "D2", json!({})),
            asked("imagebuilder", "min", "C", json!({"types": ["minimal"]})),
            asked("osbuild", "disk", "B", json!({"arches": ["aarch64", "x86_64"]})),
            asked("osbuild", "same", "A", json!({"arches": ["x86_64"]})),
        ];
        let found = changes(old, new);
        assert_eq!(found.same, 1);
        let names = |list: &[ComparedRequest]| list.iter().map(|asked| asked.name().to_owned()).collect::<Vec<_>>();
        assert_eq!((names(&found.gone), names(&found.new)), (vec!["gone".to_owned()], vec!["new".to_owned()]));
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            paths(&found),
            [
                ("disk".to_owned(), words(&["arches.0"])),
                ("min".to_owned(), words(&["method", "phase", "name", "type", "types"])),
                ("moved".to_owned(), words(&["subvariant"])),
            ]
        );
    }

    #[test]
    fn only_what_differs_is_listed() {
        let differences = |old: Json, new: Json| {
            let mut found = Vec::new();
            compare(&old, &new, "", &mut found);
            found.into_iter().map(|d| (d.path, d.old, d.new)).collect::<Vec<_>>()
        };
        let (old, new) = (
            json!({"a": 1, "b": {"c": [1, 2, 3]}, "d": null, "e": [{"x": 1}], "f": 0}),
            json!({"a": 1, "b": {"c": [1, 9, 2, 3]}, "e": [{"x": 2}], "f": "0", "g": []}),
        );
        let at = |path: &str, old: Option<Json>, new: Option<Json>| (path.to_owned(), old, new);
        assert_eq!(
            differences(old, new),
            [
                at("b.c.1", None, Some(json!(9))),
                at("d", Some(Json::Null), None),
                at("e.0.x", Some(json!(1)), Some(json!(2))),
                at("f", Some(json!(0)), Some(json!("0"))),
                at("g", None, Some(json!([]))),
            ]
        );
        assert_eq!(differences(json!([1, 1]), json!([1])), [at("1", Some(json!(1)), None)]);
        assert_eq!(differences(json!([]), json!([])), []);
    }

    #[test]
    fn a_plan_is_read_back_and_what_is_none_is_named() {
        let method = |_: &str| None;
        let text = r#"{"compose_id": "C", "requests": [{"phase": "osbuild", "variant": "S", "subvariant": "S", "failable": true,
            "method": "m", "args": ["n"], "opts": {"release": "C"}, "manifest_type": "qcow2"}]}"#;
        let (id, mut asked) = parse_plan(text, &method).unwrap();
        assert_eq!(id.as_deref(), Some("C"));
        asked[0].replace("C", "D");
        assert_eq!(json!(asked[0].values), json!({"args.0": "n", "release": "D", "manifest_type": "qcow2"}));
        for (text, problem) in [
            ("[", "it is not JSON"),
            ("{}", "`requests` is missing or not a list"),
            (r#"{"requests": [5]}"#, "`requests.0.phase` is missing or not a string"),
            (&text.replace("\"args\"", "\"x\""), "`requests.0.args` is missing or not a list"),
            (&text.replace("\"opts\"", "\"x\""), "`requests.0.opts` is missing or not an object"),
            (&text.replace("true", "1"), "`requests.0.failable` is missing or not a boolean"),
        ] {
            let error = parse_plan(text, &method).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
