use super::frame::read;
use super::*;
use crate::parse::LineTime;
use crate::parse::tests_support::parsed;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The event of [`parsed`] and the lines here are of 2024-12-19T10:30:15Z; `attributes` is what it holds besides.
fn check(line: &str, level: &str, attributes: Value, message: &str) {
    let record = parsed(line);
    assert!(record["timestamp"].as_str().unwrap().starts_with("2024-12-19T10:30:15."), "{line}: {record}");
    check_untimed(line, level, attributes, message);
}

fn check_untimed(line: &str, level: &str, attributes: Value, message: &str) {
    let record = parsed(line);
    assert_eq!(record["format"], "text", "{line}");
    assert_eq!(record["severity_text"].as_str().unwrap_or_default(), level, "{line}");
    assert_eq!(record["severity_number"].is_null(), level.is_empty(), "{line}");
    assert_eq!(record["attributes"], attributes, "{line}");
    assert_eq!(record["message"], message, "{line}");
}

#[test]
fn python_and_ruby() {
    check(
        "2024-12-19 10:30:15 - app.core - WARNING - low: disk - now",
        "WARNING",
        json!({"logger": "app.core"}),
        "low: disk - now",
    );
    check("2024-12-19 10:30:15 - INFO - app.core - opened", "INFO", json!({"logger": "app.core"}), "opened");
    check("2024-12-19 10:30:15 - INFO - Shutdown - bye", "INFO", Value::Null, "Shutdown - bye");
    check_untimed("WARNING:root:low: disk", "WARNING", json!({"logger": "root"}), "low: disk");
    check(
        "[2024-12-19 10:30:15 +0000] [42] [INFO] Listening at: http://0.0.0.0:8000",
        "INFO",
        json!({"pid": 42}),
        "Listening at: http://0.0.0.0:8000",
    );
    check(
        "[2024-12-19 10:30:15,123: WARNING/MainProcess] Task late",
        "WARNING",
        json!({"thread": "MainProcess"}),
        "Task late",
    );
    check(
        "[2024-12-19T10:30:15.123+0000] {shop.py:12} INFO - opened",
        "INFO",
        json!({"file": "shop.py", "line_number": 12}),
        "opened",
    );
    check(
        "2024-12-19 10:30:15 [shop.engine] INFO: opened",
        "INFO",
        json!({"logger": "shop.engine"}),
        "opened",
    );
    check(
        "2024-12-19 10:30:15.123 | INFO     | shop.cart:open:12 - opened - 3",
        "INFO",
        json!({"logger": "shop.cart:open", "line_number": 12}),
        "opened - 3",
    );
    check(
        "I, [2024-12-19T10:30:15.123456 #1234]  INFO -- shop: opened",
        "INFO",
        json!({"logger": "shop", "pid": 1234}),
        "opened",
    );
    check("W, [2024-12-19T10:30:15.123456 #1234]  WARN -- : opened", "WARN", json!({"pid": 1234}), "opened");
}

/// A line that says its time twice: 1734600000 is 09:20:00Z of the day.
#[test]
fn a_written_time_outranks_bare_seconds() {
    for line in [
        "- 1734600000 2024.12.19 R02-M1 2024-12-19-10.30.15.000000 R02-M1 RAS KERNEL INFO corrected",
        "APPREAD 1734600000 2024.12.19 R02-M1 2024-12-19-10.30.15.000000 R02-M1 RAS KERNEL INFO corrected",
        "- 1734600000 2024.12.19 dn228 Dec 19 10:30:15 dn228/dn228 crond(pam_unix)[2915]: session closed",
    ] {
        let Some(LineTime::Instant(nanos)) = read(line).time else { panic!("{line}") };
        assert_eq!(nanos, 1_734_604_215_000_000_000, "{line}");
    }
    assert_eq!(
        read("node-246 unix.hw state_change.up 1734600000 1 Up").time,
        Some(LineTime::Instant(1_734_600_000_000_000_000))
    );
}

#[test]
fn java() {
    let cart = json!({"logger": "org.example.Cart", "thread": "main"});
    check(
        "2024-12-19 10:30:15,123 INFO [main] org.example.Cart: opened: 3",
        "INFO",
        cart.clone(),
        "opened: 3",
    );
    check(
        "2024-12-19 10:30:15.123 [main] INFO  org.example.Cart - opened - 3",
        "INFO",
        cart.clone(),
        "opened - 3",
    );
    check("10:30:15.123 [main] INFO  org.example.Cart -- opened", "INFO", cart.clone(), "opened");
    check(
        "24/12/19 10:30:15 INFO shop.CartManager: opened [a, b]",
        "INFO",
        json!({"logger": "shop.CartManager"}),
        "opened [a, b]",
    );
    check(
        "2024-12-19T10:30:15.123Z  INFO 1 --- [shop] [nio-8080-exec-1] c.e.Cart                   : opened: 3",
        "INFO",
        json!({"logger": "c.e.Cart", "thread": "nio-8080-exec-1", "pid": 1}),
        "opened: 3",
    );
    check(
        "19-Dec-2024 10:30:15.123 INFO [main] org.example.Cart Server opened in [3] ms",
        "INFO",
        cart,
        "Server opened in [3] ms",
    );
    check(
        "INFO  [main] 2024-12-19 10:30:15,123 Cart.java:89 - opened",
        "INFO",
        json!({"thread": "main", "file": "Cart.java", "line_number": 89}),
        "opened",
    );
    check(
        "2024-12-19 10:30:15,747 - INFO  [Peer[myid=1]/0:0:0:0:2181:FastVote@774] - Vote time out: 3",
        "INFO",
        json!({"logger": "FastVote", "thread": "Peer[myid=1]/0:0:0:0:2181", "line_number": 774}),
        "Vote time out: 3",
    );
    check(
        "[2024-12-19T10:30:15,123][INFO ][o.e.n.Node               ] [node-1] opened",
        "INFO",
        json!({"logger": "o.e.n.Node", "thread": "node-1"}),
        "opened",
    );
    check(
        "[2024-12-19 10:30:15,123] INFO [Server id=0] opened (shop.server.Server)",
        "INFO",
        json!({"logger": "shop.server.Server"}),
        "[Server id=0] opened",
    );
    check(
        "2024-12-19 10:30:15.123+0000 [id=1]\tINFO\tshop.Runner$1#onOpen: opened",
        "INFO",
        json!({"logger": "shop.Runner$1#onOpen", "thread": "id=1"}),
        "opened",
    );
    check(
        "10:30:15,123 INFO  [org.example.as] (MSC service thread 1-2) WFLY49: opened",
        "INFO",
        json!({"logger": "org.example.as", "thread": "MSC service thread 1-2"}),
        "WFLY49: opened",
    );
    check(
        "Dec 19, 2024 10:30:15 AM org.example.Cart open\nINFO: opened",
        "INFO",
        json!({"logger": "org.example.Cart"}),
        "opened",
    );
    check(
        "[#|2024-12-19T10:30:15.123+0000|INFO|server 5.0|shop.cart|_ThreadID=1;_ThreadName=main;|opened|#]",
        "INFO",
        json!({"logger": "shop.cart", "thread": "main"}),
        "opened",
    );
    check(
        "2024-12-19 10:30:15.123 WARN  [exec-1] shop.Cart.open(Cart.java:12) - opened",
        "WARN",
        json!({"logger": "shop.Cart.open", "thread": "exec-1", "file": "Cart.java", "line_number": 12}),
        "opened",
    );
}

#[test]
fn dotnet_go_rust_node() {
    check_untimed(
        "info: Example.Hosting[14]\n      opened",
        "info",
        json!({"logger": "Example.Hosting"}),
        "opened",
    );
    check_untimed("fail: Example.Cart[0] broken", "fail", json!({"logger": "Example.Cart"}), "broken");
    check("[10:30:15 INF] opened", "INF", Value::Null, "opened");
    check(
        "2024-12-19 10:30:15.1234|INFO|Example.Cart|opened | 3",
        "INFO",
        json!({"logger": "Example.Cart"}),
        "opened | 3",
    );
    check(
        "2024-12-19 10:30:15,123 [1] INFO  Example.Cart [(null)] - opened",
        "INFO",
        json!({"logger": "Example.Cart", "pid": 1}),
        "opened",
    );
    check(
        "2024/12/19 10:30:15 main.go:23: opened: 3",
        "",
        json!({"file": "main.go", "line_number": 23}),
        "opened: 3",
    );
    check("2024/12/19 10:30:15 http: TLS handshake error", "", Value::Null, "http: TLS handshake error");
    check(
        "2024-12-19 10:30:15.123456 W | shopserver: opened",
        "W",
        json!({"logger": "shopserver"}),
        "opened",
    );
    check(
        "2024-12-19T10:30:15.123Z [INFO]  agent.server: opened",
        "INFO",
        json!({"logger": "agent.server"}),
        "opened",
    );
    check(
        "2024-12-19T10:30:15.123456Z  INFO shop::cart: opened drawer=3",
        "INFO",
        json!({"logger": "shop::cart"}),
        "opened drawer=3",
    );
    check(
        "2024-12-19T10:30:15.123456Z DEBUG request{method=GET path=\"/a b\"}: shop::cart: src/main.rs:10: opened",
        "DEBUG",
        json!({"logger": "shop::cart", "span": "request{method=GET path=\"/a b\"}", "file": "src/main.rs", "line_number": 10}),
        "opened",
    );
    check("1.734604215123e+09\tinfo\tsetup\tstarting it", "info", json!({"logger": "setup"}), "starting it");
    check(
        "2024-12-19T10:30:15.123Z\tinfo\tshop/cart.go:12\topened",
        "info",
        json!({"file": "shop/cart.go", "line_number": 12}),
        "opened",
    );
    check("[2024-12-19T10:30:15Z INFO  shop_cart] opened", "INFO", json!({"logger": "shop_cart"}), "opened");
    check(
        "[Nest] 42  - 12/19/2024, 10:30:15 AM     LOG [CartModule] opened",
        "LOG",
        json!({"thread": "CartModule"}),
        "opened",
    );
    check(
        "[2024-12-19T10:30:15.123456+00:00] app.ERROR: broken {\"k\":1} []",
        "ERROR",
        json!({"logger": "app"}),
        "broken {\"k\":1} []",
    );
    check(
        "[19-Dec-2024 10:30:15 UTC] PHP Warning:  Undefined $x",
        "Warning",
        json!({"logger": "PHP"}),
        "Undefined $x",
    );
}

#[test]
fn platforms() {
    check(
        "12-19 10:30:15.811  1702  2395 D CartKeeper: opened: 3",
        "D",
        json!({"logger": "CartKeeper", "pid": 1702, "thread": "2395"}),
        "opened: 3",
    );
    check_untimed("E/CartKeeper( 1702): broken", "E", json!({"logger": "CartKeeper", "pid": 1702}), "broken");
    check(
        "241219 103015 148 WARN shop.Node$Sender: Sender 1 done",
        "WARN",
        json!({"logger": "shop.Node$Sender", "pid": 148}),
        "Sender 1 done",
    );
    check(
        "- 1734604215 2024.12.19 R1-M0 2024-12-19-02.30.15.675872 R1-M0 RAS KERNEL FATAL ciod: parity",
        "FATAL",
        json!({"logger": "KERNEL", "host": "R1-M0"}),
        "ciod: parity",
    );
    check(
        "- 1734604215 2024.12.19 dn2 Dec 19 02:30:15 dn2/dn2 crond(pam_unix)[15]: closed",
        "",
        json!({"logger": "crond(pam_unix)", "pid": 15, "host": "dn2/dn2"}),
        "closed",
    );
    check(
        "4681 node-2 unix.hw state.gone 1734604215 1 Component gone",
        "",
        json!({"logger": "unix.hw", "host": "node-2"}),
        "Component gone",
    );
    check(
        "2024-12-19 10:30:15, Info                  CBS    Loaded: Stack",
        "Info",
        json!({"logger": "CBS"}),
        "Loaded: Stack",
    );
    check(
        "api.log.1 2024-12-19 10:30:15.008 25746 INFO nova.api.server [req-3810-20 113d - -] 10.1.1.1 \"GET /\"",
        "INFO",
        json!({"logger": "nova.api.server", "pid": 25746, "host": "api.log.1"}),
        "10.1.1.1 \"GET /\"",
    );
    check(
        "20241219-10:30:15:606|Step_Count|302|REPORT : 7028 5017",
        "",
        json!({"logger": "Step_Count", "pid": 302}),
        "REPORT : 7028 5017",
    );
    check(
        "[12.19 10:30:15] shop.exe *64 - proxy:50 close, 3 bytes",
        "",
        json!({"logger": "shop.exe *64"}),
        "proxy:50 close, 3 bytes",
    );
    check(
        "2024-12-19T10:30:15.123+0000 I NETWORK  [conn1] opened",
        "I",
        json!({"logger": "NETWORK", "thread": "conn1"}),
        "opened",
    );
    check(
        "2024-12-19 10:30:15.123456+00:00 [info] <0.44.0> opened",
        "info",
        json!({"thread": "0.44.0"}),
        "opened",
    );
    check_untimed("[INFO] plugin/reload: Running", "INFO", json!({"logger": "plugin/reload"}), "Running");
}

/// A time, and perhaps a level, that something put before a line of logfmt.
#[test]
fn pairs_behind_a_time() {
    for (line, level, number, attributes, message) in [
        ("2024-12-19T10:30:15Z level=warn msg=\"hi there\" n=7", "warn", 13, json!({"n": 7}), "hi there"),
        ("[2024-12-19T10:30:15Z] level=warn msg=hi", "warn", 13, Value::Null, "hi"),
        ("2024-12-19 10:30:15 lvl=warn msg=hi", "warn", 13, Value::Null, "hi"),
        ("2024-12-19T10:30:15Z msg=hi severity=error", "error", 17, Value::Null, "hi"),
        ("2024-12-19T10:30:15Z INFO level=error msg=x", "error", 17, Value::Null, "x"),
        ("2024-12-19T10:30:15Z INFO msg=\"hi there\" n=7", "INFO", 9, json!({"n": 7}), "hi there"),
        (
            "2024-12-19 10:30:15 [main] WARN shop.Cart - msg=hi n=7",
            "WARN",
            13,
            json!({"thread": "main", "logger": "shop.Cart", "n": 7}),
            "hi",
        ),
    ] {
        let record = parsed(line);
        assert_eq!(record["format"], "logfmt", "{line}");
        assert_eq!(record["timestamp"], "2024-12-19T10:30:15.000Z", "{line}");
        assert_eq!(record["severity_text"], level, "{line}");
        assert_eq!(record["severity_number"], number, "{line}");
        assert_eq!(record["attributes"], attributes, "{line}");
        assert_eq!(record["message"], message, "{line}");
    }
    for line in ["time=now msg=hi", "user=ann level=warn", "level=warn was set by ann", "msg=hi"] {
        check(&format!("2024-12-19T10:30:15Z {line}"), "", Value::Null, line);
    }
}

#[test]
fn envoy_s_own_lines() {
    let of = |more: Value| {
        let mut attributes = json!({"logger": "config", "thread": "12"});
        attributes.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        attributes
    };
    check(
        "[2024-12-19 10:30:15.123][12][warning][config] [source/x.cc:12] gRPC: stream closed",
        "warning",
        of(json!({"file": "source/x.cc", "line_number": 12})),
        "gRPC: stream closed",
    );
    check("[2024-12-19 10:30:15.123][12][critical][config] [a b] x", "critical", of(json!({})), "[a b] x");
}

#[test]
fn lambda_s_request_id_is_the_correlation_id() {
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let line = format!("2024-12-19T10:30:15.000Z\t{id}\tERROR\tpayment failed");
    check(&line, "ERROR", Value::Null, "payment failed");
    assert_eq!(parsed(&line)["request_id"], id);
}

#[test]
fn what_only_looks_like_a_frame_is_the_message() {
    for (line, level) in [
        ("no error here, all is fine", ""),
        ("Traceback INFORMATIONAL nothing", ""),
        ("Server started at 1734604215 with 3", ""),
        ("web - 3 | 4", ""),
        ("", ""),
        ("- - -", ""),
        ("it was an ERROR after all", ""),
        ("0 ERROR, 3 WARN found in report", ""),
        ("0 errors, 1 WARN", ""),
        ("at 10:20 we saw FATAL things", ""),
        ("SUCCESS no ERROR found", ""),
        ("no ERROR found", ""),
        ("User set log level to DEBUG", ""),
        ("npm WARN deprecated shop@1", "WARN"),
        ("yes: ERROR it is", "ERROR"),
        ("it is, FATAL", "FATAL"),
    ] {
        check_untimed(line, level, Value::Null, line);
    }
    for (message, level) in [
        ("42 items left", ""),
        ("got an ERROR in x", "ERROR"),
        ("tests, ERROR in x", "ERROR"),
        ("Connection error: refused", "error"),
        ("error opening file", "error"),
        ("Shutdown - bye", ""),
        ("Failed: x", ""),
        ("setLast success", ""),
        ("W3SVC1 10.0.0.1 GET /x - 80 - 10.0.0.2 Agent 200 0", ""),
    ] {
        check(&format!("2024-12-19 10:30:15 {message}"), level, Value::Null, message);
    }
    // An object behind the text is its fields.
    check("2024-12-19 10:30:15 (done) {\"a\":1}", "", json!({"a": 1}), "(done) {\"a\":1}");
    check("2024-12-19 10:30:15 SUCCESS opened", "SUCCESS", Value::Null, "opened");
    check_untimed("[SUCCESS] opened", "SUCCESS", Value::Null, "opened");
    check_untimed("error: cannot open file", "error", Value::Null, "cannot open file");
    check_untimed("ERROR Something bad: x", "ERROR", Value::Null, "Something bad: x");
    check_untimed("INFO:     Started server process [1]", "INFO", Value::Null, "Started server process [1]");
}

/// What runtimes write at a program's end has no level, and is plainly a failure.
#[test]
fn failures_without_a_level() {
    for (line, number) in [
        ("thread 'main' panicked at src/main.rs:2:5:\nio error: out of bounds", 21),
        ("thread 'main' (1591) panicked at 'boom', src/main.rs:2:5", 21),
        ("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: x", 17),
        (
            "Exception in thread \"main\" java.lang.IllegalStateException: x\n\tat shop.Cart.open(Cart.java:3)",
            17,
        ),
        ("Unhandled exception. System.InvalidOperationException: x\n   at Shop.Cart.Open()", 17),
        ("Uncaught TypeError: x is not a function", 17),
        ("TypeError: x is not a function\n    at open (/srv/shop.js:3:1)", 17),
        ("java.lang.IllegalStateException: x\n\tat shop.Cart.open(Cart.java:3)", 17),
        ("lib/shop-cart.rb:1:in 'open': no drawer (RuntimeError)", 17),
        ("shop.rb:1:in `open': no drawer (Shop::EmptyError)\n\tfrom shop.rb:9:in `<main>'", 17),
    ] {
        let record = parsed(line);
        assert_eq!(record["severity_number"], number, "{line}");
        assert_eq!(record["severity_text"], Value::Null, "{line}");
        assert_eq!(record["message"], line);
        assert_eq!(record["attributes"], Value::Null, "{line}");
        let record = parsed(&format!("2024-12-19 10:30:15 {line}"));
        assert_eq!(record["severity_number"], number, "{line}");
    }
    for line in [
        "thread 'main' started",
        "TypeError at noon\n    at open",
        "TypeErrors: 3\n    at noon",
        "Unhandled: 3",
        "shop.rb:1:in open (done)",
        "shop.rb reloaded (RuntimeError)",
    ] {
        check_untimed(line, "", Value::Null, line);
    }
}

#[test]
fn a_level_is_looked_for_only_near_the_start() {
    let near = format!("{} ERROR x", "a".repeat(LEVEL_WITHIN_BYTES - 2));
    let far = format!("{} ERROR x", "a".repeat(LEVEL_WITHIN_BYTES - 1));
    assert_eq!(parsed(&near)["severity_text"], "ERROR");
    assert_eq!(parsed(&far)["severity_text"], Value::Null);
}

#[test]
fn a_frame_and_its_groups_have_an_end() {
    let padded = |blanks: usize| format!("2024-12-19 10:30:15 {}INFO shop.Cart: opened", " ".repeat(blanks));
    assert_eq!(read(&padded(MAX_FRAME_BYTES - 26)).logger, Some("shop.Cart"));
    assert_eq!(read(&padded(MAX_FRAME_BYTES - 25)).logger, None);
    let hostile = "2024-12-19 10:30:15 ".to_owned() + &"[a ".repeat(1 << 18);
    assert_eq!(read(&hostile).message.len(), hostile.trim_end().len() - 20);
}

proptest! {
    #[test]
    fn any_text_has_a_message_that_it_ends_with(
        text: String,
        pieces in "(2024-12-19 10:30:15 |INFO|\\[|\\]|\\(|\\)| - |---|\\||: |:|a\\.b|x\\[1\\]: |\\{|\\}:|é|I |#1|\t|\n|W/a\\( 1\\): ){0,12}",
    ) {
        for text in [text, pieces] {
            let frame = read(&text);
            prop_assert!(text.contains(frame.message));
        }
    }
}
