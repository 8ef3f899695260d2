//! The `osbuildImage` calls of a real hub, sent again: accepted or refused as there.

use std::path::Path;

use magudi_koji::xmlrpc::{Fault, Response, decode_response};

use crate::client::{healthy, login, request};

fn body(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let start = bytes.windows(5).position(|w| w == b"<?xml").unwrap();
    bytes[start..].to_vec()
}

#[tokio::test]
async fn accepted_and_refused_alike() {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koji/wire");
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
        let answer = request(&f.hub, "POST", "/kojihub", &headers, &sent).await.unwrap();
        assert_eq!(answer.status, 200, "{name}");
        let ours = decode_response(&answer.body).unwrap();
        match (theirs, ours) {
            (Response::Value(_), Response::Value(id)) => {
                assert!(id.as_i64().is_some(), "{name}");
                accepted += 1;
            }
            (Response::Fault(theirs), Response::Fault(ours)) => {
                let first = |fault: &Fault| (fault.code, fault.string.lines().next().unwrap_or_default().to_owned());
                // Python keeps the members of a dict in the order in which they were sent; a struct here is sorted.
                assert_eq!(first(&ours), first(&theirs), "{name}");
                refused += 1;
            }
            (theirs, ours) => panic!("{name}: {theirs:?} became {ours:?}"),
        }
    }
    assert!(accepted >= 10 && refused >= 20, "{accepted} {refused}");
}
