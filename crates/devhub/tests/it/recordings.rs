//! The calls that asked a real hub for images, sent again: accepted or refused as there.

use std::path::Path;

use magudi_devhub::RunningHub;
use magudi_koji::xmlrpc::{Fault, Response, decode_response};

use crate::client::{healthy, hub, login, request};

fn body(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let start = bytes.windows(5).position(|w| w == b"<?xml").unwrap();
    bytes[start..].to_vec()
}

/// Sends a request and compares the answer with that of a real hub; whether it was accepted.
async fn is_accepted(hub: &RunningHub, name: &str, headers: &str, sent: &[u8], theirs: Response) -> bool {
    let answer = request(hub, "POST", "/kojihub", headers, sent).await.unwrap();
    assert_eq!(answer.status, 200, "{name}");
    match (theirs, decode_response(&answer.body).unwrap()) {
        (Response::Value(_), Response::Value(id)) => {
            assert!(id.as_i64().is_some(), "{name}");
            true
        }
        (Response::Fault(theirs), Response::Fault(ours)) => {
            let first = |fault: &Fault| (fault.code, fault.string.lines().next().unwrap_or_default().to_owned());
            // Python keeps the members of a dict in the order in which they were sent; a struct here is sorted.
            assert_eq!(first(&ours), first(&theirs), "{name}");
            false
        }
        (theirs, ours) => panic!("{name}: {theirs:?} became {ours:?}"),
    }
}

#[tokio::test]
async fn plugins_accept_and_refuse_alike() {
    let path = magudi_testkit::fixture("phases/wire.jsonl");
    let lines: Vec<serde_json::Value> =
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let f = hub(r#"{"unknown_targets": ["nope", "x"]}"#).await;
    let users = [("kojiadmin", "kojipass"), ("compose", "composepass"), ("nobody", "nobodypass")];
    let mut headers = vec![String::new()];
    for (user, password) in users {
        headers.push(login(&f.hub, user, password).await.headers(None));
    }
    let bytes = |line: &serde_json::Value| line["body"].as_str().unwrap().as_bytes().to_vec();
    let (mut accepted, mut refused) = (0, 0);
    for pair in lines.chunks(2) {
        let [sent, theirs] = pair else { panic!("half an exchange") };
        let name = sent["file"].as_str().unwrap();
        if !matches!(sent["call"][0].as_str(), Some("imageBuilderBuild" | "kiwiBuild")) {
            continue;
        }
        let user = sent["user"].as_u64().unwrap_or_default() as usize;
        let theirs = decode_response(&bytes(theirs)).unwrap();
        let is_accepted = is_accepted(&f.hub, name, &headers[user], &bytes(sent), theirs).await;
        *if is_accepted { &mut accepted } else { &mut refused } += 1;
    }
    assert!(accepted >= 28 && refused >= 74, "{accepted} {refused}");
}

#[tokio::test]
async fn accepted_and_refused_alike() {
    let wire = magudi_testkit::fixture("koji/wire");
    let f = healthy().await;
    let owner = login(&f.hub, "compose", "composepass").await;
    let nobody = login(&f.hub, "nobody", "nobodypass").await;
    let (mut accepted, mut refused) = (0, 0);
    let mut names: Vec<String> =
        std::fs::read_dir(&wire).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names.iter().filter_map(|name| name.strip_suffix(".req.txt")) {
        let headers = match name {
            "087-osbuildImage-anon-notloggedin" => String::new(),
            "089-osbuildImage-noperm" => nobody.headers(None),
            _ if name.contains("-osbuildImage-ok-") || name.contains("-osbuildImage-rej-") => owner.headers(None),
            _ => continue,
        };
        // That one was recorded while the channel was switched off.
        if name.ends_with("rej-channel-disabled") {
            continue;
        }
        let sent = body(&wire.join(format!("{name}.req.txt")));
        let theirs = decode_response(&body(&wire.join(format!("{name}.resp.txt")))).unwrap();
        let is_accepted = is_accepted(&f.hub, name, &headers, &sent, theirs).await;
        *if is_accepted { &mut accepted } else { &mut refused } += 1;
    }
    assert!(accepted >= 10 && refused >= 20, "{accepted} {refused}");
}
