//! The corpus of the configuration language: value by value what kobo reads, error by error the line where it stops.

use crate::fixtures;
use magudi_config::conf::Reader;
use magudi_config::{Dict, Node, Sources, Value, conf, json as json_syntax, load};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A value in the corpus's notation, with floats and integers told apart.
fn text_of(node: &Node) -> String {
    let items = |items: &[Node]| items.iter().map(text_of).collect::<Vec<_>>().join(",");
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::BigInt(digits) => digits.to_string(),
        Value::Float(x) => format!("float {x:?}"),
        Value::Str(text) => format!("{text:?}"),
        Value::List(list) => format!("[{}]", items(list)),
        Value::Tuple(list) => format!("({})", items(list)),
        Value::Dict(dict) => {
            let entries: Vec<_> =
                dict.entries.iter().map(|(key, value)| format!("{}:{}", text_of(key), text_of(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn text_of_json(value: &Json) -> String {
    let items = |items: &[Json]| items.iter().map(text_of_json).collect::<Vec<_>>().join(",");
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(b) => b.to_string(),
        Json::Number(number) => match number.to_string() {
            text if text.contains(['.', 'e']) => format!("float {:?}", number.as_f64().unwrap()),
            text => text,
        },
        Json::String(text) => format!("{text:?}"),
        Json::Array(list) => format!("[{}]", items(list)),
        Json::Object(object) => match (object.get("__dict__"), object.get("__tuple__"), object.get("__number__")) {
            (Some(Json::Array(entries)), _, _) => {
                let entry = |pair: &Json| format!("{}:{}", text_of_json(&pair[0]), text_of_json(&pair[1]));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
            (_, Some(Json::Array(list)), _) => format!("({})", items(list)),
            (_, _, Some(Json::String(text))) => text.clone(),
            _ => panic!("unknown notation {value}"),
        },
    }
}

/// The corpus. Numbers that serde_json cannot read, or not to the last digit, are put into a notation of our own.
fn corpus() -> Json {
    let mut text = std::fs::read_to_string(fixtures().join("config-language.json")).unwrap();
    let numbers = [("NaN", "float NaN"), ("Infinity", "float inf"), ("99999999999999999999", "99999999999999999999")];
    for (number, shown) in numbers.into_iter().chain([("123456789.12345679", "float 123456789.12345679")]) {
        text = text.replace(&format!("\n{number}\n"), &format!("\n{{\"__number__\": \"{shown}\"}}\n"));
    }
    serde_json::from_str(&text).unwrap()
}

/// The line that one of kobo's messages names.
fn line_of(message: &str) -> Option<(String, u32)> {
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let file = || message.split_once("@D@/").map_or("", |(_, rest)| rest).split([',', ' ']).next().unwrap().to_owned();
    if let Some((_, rest)) = message.split_once("begin: (") {
        return Some((file(), number(rest)?));
    }
    if let Some((_, rest)) = message.split_once(" on line ") {
        return Some((file(), number(rest)?));
    }
    if let Some((_, rest)) = message.split_once("(<tokenize>, line ") {
        return Some((String::new(), number(rest)?));
    }
    if let Some((_, rest)) = message.split_once("EOF in multi-line").and_then(|(_, rest)| rest.split_once(", (")) {
        return Some((String::new(), number(rest)?));
    }
    let (_, rest) = message.split_once(": line ")?;
    Some((String::new(), number(rest)?))
}

/// A file and a line.
type Place = Option<(String, u32)>;

/// Reads a snippet of the corpus: the value and the files that were opened, or the complaint and its place.
fn read(case: &Json, files: &Json) -> Result<(Node, Vec<String>), (String, Place)> {
    let text = case["text"].as_str().unwrap();
    let main = PathBuf::from("d").join(case["main"].as_str().unwrap());
    let open = |path: &Path| -> std::io::Result<Vec<u8>> {
        let name = path.to_str().unwrap().replace("d/../d/", "d/");
        let file = files.get(name.strip_prefix("d/").unwrap_or("")).and_then(Json::as_str);
        file.map(|text| text.as_bytes().to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let reader: Reader<'_> = &open;
    let mut sources = Sources::new();
    let mut before = Dict::default();
    if let Some(defaults) = case.get("defaults").and_then(Json::as_object) {
        let given: Vec<_> = defaults.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        let file = sources.add_virtual("defaults", given.concat());
        before = conf::parse_conf(file, &mut sources, reader, &before).unwrap().as_dict().unwrap().clone();
    }
    let file = sources.add_bytes(&main, text.as_bytes().to_vec()).unwrap();
    let result = match load::Syntax::of(&main) {
        load::Syntax::Json => json_syntax::parse_json(file, &sources).map_err(|problem| vec![problem]),
        load::Syntax::Yaml => panic!("{} is not a file of Pungi's", main.display()),
        load::Syntax::Conf => conf::parse_conf(file, &mut sources, reader, &before),
    };
    let name = |path: &Path| path.strip_prefix("d").unwrap().to_str().unwrap().replace("../d/", "");
    match result {
        Ok(node) => {
            let opened = sources.iter().filter(|source| source.on_disk).map(|source| name(&source.path)).collect();
            Ok((node, opened))
        }
        Err(problems) => {
            assert_eq!(problems.len(), 1);
            let place = problems[0].span.map(|span| sources.position(span));
            Err((problems[0].message.clone(), place.map(|place| (name(&place.path), place.line))))
        }
    }
}

#[test]
fn reads_what_kobo_reads_and_refuses_what_it_refuses() {
    let corpus = corpus();
    let cases = corpus["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 323);
    let mut wrong = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let text = &case["text"];
        let result = read(case, &corpus["include_files"]);
        match (case.get("ok"), result) {
            (Some(ok), Ok((node, opened))) => {
                let (ours, theirs) = (text_of(&node), text_of_json(ok));
                if ours != theirs {
                    wrong.push(format!("{index} {text}: {ours} instead of {theirs}"));
                }
                let expected: Vec<&str> =
                    case["opened"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
                if opened != expected {
                    wrong.push(format!("{index} {text}: opened {opened:?} instead of {expected:?}"));
                }
            }
            (Some(ok), Err((message, _))) => wrong.push(format!("{index} {text}: {message:?} instead of {ok}")),
            (None, Ok((node, _))) => {
                wrong.push(format!("{index} {text}: {} instead of {}", text_of(&node), case["message"]));
            }
            (None, Err((message, place))) => {
                let theirs = case["message"].as_str().unwrap();
                if let Some((file, line)) = line_of(theirs) {
                    let fits = place.as_ref().is_some_and(|(f, l)| (file.is_empty() || *f == file) && *l == line);
                    if !fits {
                        wrong.push(format!("{index} {text}: {message:?} at {place:?}, theirs {theirs}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} snippets differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn half_of_the_errors_have_a_line_to_compare() {
    let corpus = corpus();
    let errors = corpus["cases"].as_array().unwrap().iter().filter_map(|case| case["message"].as_str());
    let (with, without): (Vec<_>, Vec<_>) = errors.partition(|message| line_of(message).is_some());
    assert!(with.len() > 80 && with.len() > without.len(), "{} with, {} without", with.len(), without.len());
}

/// Keys that are equal in Python but of different types, as kobo 0.42 takes them: the key that came first, the value that came
/// last, and a duplicate only where the type of the key that stands is met again.
#[test]
fn equal_keys_of_different_types() {
    for (text, expected) in [
        ("{True: 1, 1: 2, 1: 3}", Some("{true:3}")),
        ("{1: 1, 1.0: 2, 1.0: 3}", Some("{1:3}")),
        ("{1.0: 1, True: 2, True: 3}", Some("{float 1.0:3}")),
        ("{1: 1, 1.0: 2, 1: 3}", None),
        ("{1: 1, True: 2, 1: 3}", None),
        ("{1.0: 1, 1.0: 2}", None),
        ("{'x': 1, 'y': 2, 'x': 3}", None),
    ] {
        let ours = read(&serde_json::json!({"text": format!("a = {text}"), "main": "a.conf"}), &Json::Null);
        assert_eq!(
            ours.ok().map(|(node, _)| text_of(&node)),
            expected.map(|dict| format!("{{\"a\":{dict}}}")),
            "{text}"
        );
    }
}
