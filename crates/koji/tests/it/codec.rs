//! What is written is read back; what is hostile is refused, and nothing brings the decoder down.

use crate::recordings::recording;
use magudi_koji::value::{from_json, int, same, to_json, with_line_feeds};
use magudi_koji::xmlrpc::{
    Fault, MAX_DEPTH, MethodCall, Response, Value, decode_call, decode_response, encode_call, encode_fault,
    encode_response,
};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    // Every character that XML has, the troublesome ones often.
    let troublesome = prop::sample::select(vec!['<', '>', '&', '\r', '\n', '\t', ' ', ']', '"', '\u{85}', '\u{2028}']);
    let legal = any::<char>().prop_filter(
        "XML has it",
        |c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..),
    );
    prop::collection::vec(prop_oneof![troublesome, legal], 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Int64),
        any::<f64>().prop_map(Value::Double),
        text().prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Value::Base64),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|members| Value::Struct(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn calls_come_back(method in text(), params in prop::collection::vec(value(), 0..4)) {
        let call = decode_call(&encode_call(&method, &params).unwrap()).unwrap();
        prop_assert_eq!(call.method, method);
        prop_assert!(same(&Value::Array(call.params), &Value::Array(params)));
    }

    #[test]
    fn answers_come_back_without_carriage_returns(value in value()) {
        let Response::Value(back) = decode_response(&encode_response(&value).unwrap()).unwrap() else { panic!("a fault") };
        prop_assert!(same(&back, &with_line_feeds(&value)));
    }

    #[test]
    fn faults_come_back(code in any::<i64>(), string in text()) {
        let arrives = Fault::new(code, string.replace("\r\n", "\n").replace('\r', "\n"));
        prop_assert_eq!(decode_response(&encode_fault(&Fault::new(code, string))), Ok(Response::Fault(arrives)));
    }

    #[test]
    fn faults_arrive_whatever_they_say(string in any::<String>()) {
        prop_assert!(matches!(decode_response(&encode_fault(&Fault::new(1, string))), Ok(Response::Fault(_))));
    }

    #[test]
    fn json_comes_back(value in value()) {
        let json = to_json(&value);
        prop_assert_eq!(to_json(&from_json(&json).unwrap()), json);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_call(&bytes);
        let _ = decode_response(&bytes);
    }

    #[test]
    fn damaged_messages_are_survived(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let (_, mut body) = recording("251-getBuild-qcow2.resp.txt");
        // Not behind the last tag, where only a line break is left to lose.
        let at = at.index(body.trim_ascii_end().len());
        if cut {
            body.truncate(at);
            prop_assert!(decode_response(&body).is_err());
        } else {
            body[at] = byte;
            let _ = decode_response(&body);
        }
    }
}

fn document(value: &str) -> Vec<u8> {
    format!("<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>").into_bytes()
}

fn reason(document: &[u8]) -> String {
    decode_call(document).unwrap_err().to_string()
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| {
        let open = "<value><array><data>".repeat(depth);
        let close = "</data></array></value>".repeat(depth);
        document(&format!("{open}<value/>{close}"))
    };
    assert!(decode_call(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(reason(&nested(MAX_DEPTH)).contains("deeper than 128"));
    assert!(reason(&document(&"<value><array><data>".repeat(1_000_000))).contains("deeper than 128"));
    assert!(reason(&"<a>".repeat(1_000_000).into_bytes()).contains("<methodCall> belongs"));
    let mut value = Value::Nil;
    for _ in 0..MAX_DEPTH {
        value = Value::Array(vec![value]);
    }
    assert!(encode_response(&value).unwrap_err().to_string().contains("deeper than 128"));
}

/// A struct of very many members in the wrong order, of which each is there twice, takes no longer than one in order.
#[test]
fn of_members_of_one_name_the_last_one_counts() {
    const NAMES: i32 = 100_000;
    let member =
        |name: i32, value: i32| format!("<member><name>m{name}</name><value><int>{value}</int></value></member>");
    let falling = |value: i32| (0..NAMES).rev().map(move |name| member(name, value));
    let members: String = falling(1).chain(falling(2)).collect();
    let call = decode_call(&document(&format!("<value><struct>{members}</struct></value>"))).unwrap();
    let members = call.params[0].as_struct().unwrap();
    assert_eq!(members.len(), 100_000);
    assert!(members.values().all(|value| *value == Value::Int(2)));
    assert!(members.iter().is_sorted_by_key(|(name, _)| name));
}

#[test]
fn entities_are_refused() {
    let bomb = "<?xml version='1.0'?><!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>";
    let call = [bomb.as_bytes(), &document("<value>&b;</value>")].concat();
    assert!(reason(&call).contains("DOCTYPE with declarations"));
    assert!(reason(&document("<value>&b;</value>")).contains("unknown reference `&b;`"));
    let external = [b"<!DOCTYPE m SYSTEM 'http://h/x.dtd'>".as_slice(), &document("<value>a</value>")].concat();
    assert!(decode_call(&external).is_ok(), "nothing is fetched");
}

#[test]
fn the_document_is_all_there_is() {
    let good = document("<value>a</value>");
    assert!(decode_call(&good).is_ok());
    assert!(decode_call(&[good.as_slice(), b"\n<!-- end -->\n"].concat()).is_ok());
    for junk in ["x", "<a/>", "&amp;", "<![CDATA[ ]]>", "</a>", "<methodCall/>"] {
        assert!(decode_call(&[good.as_slice(), junk.as_bytes()].concat()).is_err(), "{junk}");
        assert!(decode_call(&[junk.as_bytes(), good.as_slice()].concat()).is_err(), "{junk}");
    }
}

#[test]
fn white_space_is_kept() {
    let param = |text: &str| decode_call(&document(text)).unwrap().params.remove(0);
    assert_eq!(param("<value><string>   </string></value>"), Value::from("   "));
    assert_eq!(param("<value>  </value>"), Value::from("  "));
    assert_eq!(param("<value>\n<string>\n</string>\n</value>"), Value::from("\n"));
    assert_eq!(param("<value><string>a\r\nb\rc&#13;&#10;d</string></value>"), Value::from("a\nb\nc\r\nd"));
    assert_eq!(param("<value><string>a<!-- b -->c<![CDATA[<d>]]></string></value>"), Value::from("ac<d>"));
    assert_eq!(param("<value><ex:nil/></value>"), Value::Nil);
    assert_eq!(param("<value><i4> 7 </i4></value>"), int(7));
    assert_eq!(param("<value><int>3000000000</int></value>"), int(3_000_000_000));
    assert_eq!(decode_call(b"<methodCall/>"), Ok(MethodCall::new("", vec![])));
}

#[test]
fn errors_say_where() {
    let inner = "<value><struct><member><name>opts</name><value><array><data><value/><value><int>x</int></value>\
                 </data></array></value></member></struct></value>";
    let error = decode_call(&document(inner)).unwrap_err();
    assert_eq!(error.path, "params[0].opts[1]");
    assert!(error.to_string().starts_with("malformed XML-RPC message: `x` is not an integer"), "{error}");

    let bad = from_json(&serde_json::json!({"opts": {"repo": ["http://a", "http://\u{7}"]}})).unwrap();
    let error = encode_call("m", &[Value::Nil, bad]).unwrap_err();
    assert_eq!(error.path, "params[1].opts.repo[1]");
    assert!(error.to_string().contains("U+0007"), "{error}");
}

#[test]
fn malformed_forms_are_refused() {
    for value in [
        "",
        "<value/><value/>",
        "<value>a<int>1</int></value>",
        "<value><int>1</int>a</value>",
        "<value><int>1</int><int>1</int></value>",
        "<value><nil>x</nil></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value><struct><member><value/></member></struct></value>",
        "<value><struct><name>a</name></struct></value>",
        "<value><array><value/></array></value>",
        "<value><base64>Y</base64></value>",
        "<value a=1>x</value>",
        "<value>]]></value>",
        "<value>&#0;</value>",
        "<value>&#xD800;</value>",
        "<value>\u{1}</value>",
    ] {
        assert!(decode_call(&document(value)).is_err(), "{value}");
    }
    for answer in ["<methodResponse/>", "<methodResponse><params/></methodResponse>", "<methodCall/>", "", "<html>"] {
        assert!(decode_response(answer.as_bytes()).is_err(), "{answer}");
    }
}
