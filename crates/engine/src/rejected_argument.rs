//! A *refusal* is a hub's no to a submission. Its text is a page of Python's jsonschema of which the first line says what is
//! wrong and some line further down where; this module finds the argument (facts: osbuild 8).

use crate::method::Method;
use magudi_koji::FaultClass;
use magudi_koji::xmlrpc::Fault;

/// How deep the path to an argument is followed; the schema has four levels.
const DEPTH: usize = 8;

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 100;

/// The argument of `method` that the hub refused, dotted as in `opts.repo.0.baseurl`; `None` when the fault is not about one.
pub fn argument(fault: &Fault, method: &Method) -> Option<String> {
    if !fault.is_a(FaultClass::Parameter) {
        return None;
    }
    let text = fault.string.as_str();
    let property = property(text.lines().next().unwrap_or_default(), method.name);
    let place = match text.lines().find_map(|line| line.strip_prefix("On instance")) {
        Some(path) => dotted(path, method.parameters).or_else(|| marked(text, method.marks))?,
        // Not the schema speaks, but Python: an argument too few or too many.
        None => return property,
    };
    Some(match property {
        Some(property) => format!("{place}.{property}"),
        None => place,
    })
}

/// `[6]['repo'][0]:` as `opts.repo.0`.
fn dotted(path: &str, parameters: &[&str]) -> Option<String> {
    let mut keys = path.trim_end().strip_suffix(':')?.strip_prefix('[')?.strip_suffix(']')?.split("][");
    let first: usize = keys.next()?.parse().ok()?;
    let mut place = (*parameters.get(first)?).to_owned();
    for key in keys.take(DEPTH) {
        let key = key.trim_matches(['\'', '"']);
        place.push('.');
        place.extend(key.chars().take(MAX_NAME));
    }
    Some(place)
}

/// The argument that is known by a text of the schema: one of several forms of an argument is judged apart from where it stands.
fn marked(text: &str, marks: &[(&str, &str)]) -> Option<String> {
    marks.iter().find(|(mark, _)| text.contains(mark)).map(|(_, argument)| (*argument).to_owned())
}

/// The property that a first line is about: one that is unexpected, or one that is missing.
fn property(line: &str, method: &str) -> Option<String> {
    let line = line.trim_end();
    let of_schema = line.starts_with("Additional properties are not allowed (") && line.ends_with("unexpected)")
        || line.starts_with('\'') && line.ends_with("' is a required property");
    // Hubs of different ages put the class before the method: `Plugin.method()`.
    let (_, said) = line.split_once(&format!("{method}() ")).unwrap_or_default();
    let of_python = ["got an unexpected keyword argument ", "missing ", "got multiple values for argument "];
    if !of_schema && !of_python.iter().any(|start| said.starts_with(start)) {
        return None;
    }
    let name: String = line.split('\'').nth(1)?.chars().take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::TEST_METHOD;
    use magudi_koji::xmlrpc::{Response, decode_response};
    use std::path::Path;

    fn refused(text: &str) -> Option<String> {
        argument(&Fault::new(1019, text), &TEST_METHOD)
    }

    fn recorded(name: &str) -> Fault {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/wire").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let document = &text[text.find("<?xml").unwrap()..];
        match decode_response(document.as_bytes()).unwrap() {
            Response::Fault(fault) => fault,
            Response::Value(value) => panic!("{name} is not a fault: {value:?}"),
        }
    }

    #[test]
    fn what_recorded_hubs_refused() {
        for (name, want) in [
            ("111-osbuildImage-rej-no-opts", "opts"),
            ("113-osbuildImage-rej-unknown-opt", "opts.foo"),
            ("115-osbuildImage-rej-upload-aws-badtype", "opts.upload_options"),
            ("118-osbuildImage-rej-upload-string", "opts.upload_options"),
            ("119-osbuildImage-rej-repo-string", "opts.repo"),
            ("120-osbuildImage-rej-repo-dict-nobaseurl", "opts.repo.baseurl"),
            ("121-osbuildImage-rej-repo-dict-extra", "opts.repo.gpgkey"),
            ("122-osbuildImage-rej-ostree-extra", "opts.ostree.refs"),
            ("123-osbuildImage-rej-release-int", "opts.release"),
            ("124-osbuildImage-rej-skiptag-str", "opts.skip_tag"),
            ("125-osbuildImage-rej-version-int", "version"),
            ("127-osbuildImage-rej-arches-empty", "arches"),
            ("128-osbuildImage-rej-arches-string", "arches"),
        ] {
            assert_eq!(argument(&recorded(&format!("{name}.resp.txt")), &TEST_METHOD).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn what_other_hubs_would_say() {
        let types = "Failed validating 'maxItems' in schema[1]:\n    {'type': 'array',\n     'description': 'Image Types (this \
                     option is deprecated)'}\n\nOn instance:\n    ['qcow2', 'vhd']";
        for (text, want) in [
            (format!("['qcow2', 'vhd'] is too long\n\n{types}"), "image_type"),
            ("1 is not of type 'string'\n\nOn instance[6]['repo'][0]:\n    1".to_owned(), "opts.repo.0"),
            ("buildThing() missing 1 required positional argument: 'arches'".to_owned(), "arches"),
            ("buildThing() got an unexpected keyword argument 'wait'".to_owned(), "wait"),
            ("Plugin.buildThing() got multiple values for argument 'opts'".to_owned(), "opts"),
        ] {
            assert_eq!(refused(&text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_not_about_an_argument() {
        for text in
            ["", "x", "On instance", "On instance[99]:", "On instance[", "a\nOn instance[6]['", "'' is a required"]
        {
            assert_eq!(refused(text), None, "{text}");
        }
        assert_eq!(refused("buildThing() takes from 6 to 8 positional arguments but 10 were given"), None);
        assert_eq!(argument(&Fault::new(1004, "x\nOn instance[1]:"), &TEST_METHOD), None);
        let long = refused(&format!("a\nOn instance[6]['{}']{}:", "k".repeat(5000), "['x']".repeat(5000))).unwrap();
        assert!(long.len() < 200, "{long}");
    }
}
