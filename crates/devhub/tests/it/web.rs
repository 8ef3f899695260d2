//! HTTP: what is refused, how files are served, and the pages.

use magudi_devhub::{HubOptions, Scenario, start};
use magudi_koji::value::{int, string};
use magudi_koji::xmlrpc::{Members, Value, encode_call};

use crate::client::{call, get, healthy, image, raw, request, session, submit, try_call};

#[tokio::test]
async fn what_is_no_call() {
    let f = healthy().await;
    let version = encode_call("getKojiVersion", &[]).unwrap();
    for path in ["/kojihub", "/kojihub/", "/kojihub/foo/bar", "/kojihub/ssllogin"] {
        let answer = request(&f.hub, "POST", path, "Content-Type: application/json\r\n", &version).await.unwrap();
        assert_eq!((answer.status, answer.header("koji-version")), (200, Some("1.35.3")), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/xml"));
    }
    for method in ["GET", "PUT", "HEAD"] {
        let answer = request(&f.hub, method, "/kojihub", "", b"").await.unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
    for body in [&b""[..], b"x", b"<methodCall>", b"<methodCall><methodName>a</methodName>\x07</methodCall>"] {
        let answer = request(&f.hub, "POST", "/kojihub", "", body).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("text/plain")));
        assert!(answer.text().starts_with("Invalid request: "), "{}", answer.text());
    }
    let long = raw(&f.hub, b"POST /kojihub HTTP/1.1\r\nHost: h\r\nContent-Length: 4194305\r\n\r\n").await.unwrap();
    let long = String::from_utf8(long).unwrap();
    assert!(long.starts_with("HTTP/1.1 400 ") && long.ends_with("Invalid request: Request too long\n"), "{long}");
    let chunked =
        raw(&f.hub, b"POST /kojihub HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await.unwrap();
    assert!(chunked.starts_with(b"HTTP/1.1 411 "));
    assert_eq!(get(&f.hub, "/elsewhere").await.status, 404);
    assert_eq!(get(&f.hub, "/kojihubx").await.status, 404);
}

#[tokio::test]
async fn files_in_parts() {
    let f = healthy().await;
    let dir = f.hub.topdir().join("work");
    std::fs::create_dir_all(&dir).unwrap();
    let content: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
    std::fs::write(dir.join("big file"), &content).unwrap();
    std::fs::write(f.dir.path().join("secret"), "x").unwrap();
    let whole = get(&f.hub, "/kojifiles/work/big%20file").await;
    assert_eq!((whole.status, &whole.body), (200, &content));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert!(whole.header("last-modified").unwrap().ends_with(" GMT"));
    let tag = whole.header("etag").unwrap().to_owned();
    let head = request(&f.hub, "HEAD", "/kojifiles/work/big%20file", "", b"").await.unwrap();
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("300000"), 0));
    let part = |headers: String| {
        let hub = &f.hub;
        async move { request(hub, "GET", "/kojifiles/work/big%20file", &headers, b"").await.unwrap() }
    };
    let rest = part(format!("Range: bytes=100000-\r\nIf-Range: {tag}\r\n")).await;
    assert_eq!((rest.status, rest.header("content-range")), (206, Some("bytes 100000-299999/300000")));
    assert_eq!(rest.body, content[100_000..]);
    assert_eq!(part("Range: bytes=-5\r\n".to_owned()).await.body, content[299_995..]);
    let beyond = part("Range: bytes=300000-\r\n".to_owned()).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */300000")));
    assert_eq!(part("Range: bytes=5-\r\nIf-Range: \"old\"\r\n".to_owned()).await.status, 200);
    for bad in
        ["/kojifiles/../secret", "/kojifiles/%2e%2e/secret", "/kojifiles/work/..%2f..%2fsecret", "/kojifiles/nope"]
    {
        assert_eq!(get(&f.hub, bad).await.status, 404, "{bad}");
    }
    assert_eq!(get(&f.hub, "/kojifiles/work").await.status, 403);
    assert_eq!(request(&f.hub, "DELETE", "/kojifiles/work/big%20file", "", b"").await.unwrap().status, 405);
}

#[tokio::test]
async fn pages_show_what_was_asked_for_and_escape_it() {
    let f = healthy().await;
    let name = "<script>";
    let id =
        submit(&f.hub, image(name, "1", "qcow2", "f42-image", &["x86_64"], Value::Struct(Members::default()))).await;
    let page = get(&f.hub, &format!("/koji/taskinfo?taskID={id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("&lt;script&gt;") && !page.text().contains(name));
    let build = get(&f.hub, &format!("/koji/buildinfo?buildID={}", id + 5_000_000)).await;
    assert!(build.text().contains("/kojifiles/packages/%3Cscript%3E/1/1/images/"), "{}", build.text());
    assert!(get(&f.hub, "/").await.text().contains(&id.to_string()));
    for bad in ["/koji/taskinfo", "/koji/taskinfo?taskID=x", "/koji/taskinfo?taskID=1", "/koji/nope"] {
        assert_eq!(get(&f.hub, bad).await.status, 404, "{bad}");
    }
}

#[tokio::test]
async fn the_web_server_in_front_says_who_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = HubOptions::loopback(dir.path(), Scenario::default());
    options.trust_remote_user = true;
    let hub = start(options).await.unwrap();
    for (header, name, authtype) in
        [("new@EXAMPLE.COM", "new", 3), ("compose@EXAMPLE.COM", "compose", 3), ("compose", "compose", 2)]
    {
        let headers = format!("X-Remote-User: {header}\r\n");
        let opened = session(&try_call(&hub, &headers, "sslLogin", vec![]).await.unwrap().unwrap());
        let user = try_call(&hub, &opened.headers(None), "getLoggedInUser", vec![]).await.unwrap().unwrap();
        assert_eq!((&user["name"], &user["authtype"]), (&string(name), &int(authtype)));
    }
    let headers = "X-Remote-User: compose\r\n";
    let fault = try_call(&hub, headers, "sslLogin", vec![string("nobody")]).await.unwrap().unwrap_err();
    assert_eq!((fault.code, fault.string.as_str()), (1002, "compose is not authorized to login other users"));
    // The header is nothing to other methods.
    let params = image("x", "1", "qcow2", "t", &["x86_64"], Value::Struct(Members::default()));
    assert_eq!(try_call(&hub, headers, "osbuildImage", params).await.unwrap().unwrap_err().code, 1004);
    assert_eq!(call(&hub, "sslLogin", vec![]).await.unwrap_err().code, 1002);
}

#[tokio::test]
async fn every_request_is_a_line_in_the_access_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let scenario = r#"{"drop_answers": [{"method": "getUser", "every": 1}], "sessions_in_urls": true}"#;
    let scenario = magudi_devhub::parse_scenario(scenario).unwrap();
    let mut options = HubOptions::loopback(dir.path().join("koji"), scenario);
    options.access_log = Some(path.clone());
    let hub = start(options).await.unwrap();
    let body = encode_call("no\nsuch", &[]).unwrap();
    request(&hub, "POST", "/kojihub?session-id=7&session-key=2-secret", "", &body).await.unwrap();
    try_call(&hub, "", "getKojiVersion", vec![]).await.unwrap().unwrap();
    assert!(try_call(&hub, "", "getUser", vec![int(1)]).await.is_none());
    get(&hub, "/kojifiles/a%0Ab").await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("secret"), "{text}");
    // Without the address and the time, which is in brackets.
    let lines: Vec<&str> = text.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert!(lines[0].starts_with("\"POST /kojihub\" 200 ") && lines[0].ends_with(" no\\nsuch"), "{text}");
    assert!(lines[1].starts_with("\"POST /kojihub\" 200 ") && lines[1].ends_with(" getKojiVersion"), "{text}");
    assert_eq!(lines[2], "\"POST /kojihub\" - - -");
    assert!(lines[3].starts_with("\"GET /kojifiles/a%0Ab\" 404 ") && lines[3].ends_with(" -"), "{text}");
    assert!(text.starts_with("127.0.0.1 - - [") && lines.len() == 4, "{text}");
}
