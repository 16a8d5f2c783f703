//! Stack traces as the languages print them, and lines that are none.

pub const JAVA: &str = "\
2026-11-21 07:00:00.123 ERROR c.s.Cart - cannot add
com.shop.CartException: item 12
\tat com.shop.Cart.add(Cart.java:12) ~[shop.jar:1.0]
\tat com.shop.Main.main(Main.java:3)
\tSuppressed: java.lang.IllegalStateException: closed
\t\tat com.shop.Cart.close(Cart.java:44)
Caused by: java.io.IOException: disk
\tat com.shop.Disk.write(Disk.java:7)
\t... 12 more";

pub const JAVA_UNCAUGHT: &str = "\
Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \"String.length()\"
\tat com.shop.Main.main(Main.java:3)
Caused by: java.lang.IllegalStateException
\t... 1 common frames omitted";

pub const PYTHON: &str = "\
Traceback (most recent call last):
  File \"/srv/cart.py\", line 12, in add
    disk.write(item)
    ~~~~~~~~~~^^^^^^
OSError: disk

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/srv/main.py\", line 3, in <module>
    add(12)
shop.errors.CartError: item 12";

pub const PYTHON_LOGGED: &str = "\
2026-11-21 07:00:00,123 - shop.cart - ERROR - cannot add
Traceback (most recent call last):
  File \"/srv/cart.py\", line 12, in add
    disk.write(item)
KeyboardInterrupt";

pub const PYTHON_GROUP: &str = "\x20 + Exception Group Traceback (most recent call last):
  |   File \"/srv/main.py\", line 3, in <module>
  |     raise ExceptionGroup(\"two\", both)
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +---------------- 2 ----------------
    | TypeError: two
    +------------------------------------";

pub const NODE: &str = "\
/srv/cart.js:3
  throw new Error('cannot add', { cause });
  ^

Error: cannot add
    at add (/srv/cart.js:3:9)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'E_CART',
  [cause]: Error: disk
      at write (/srv/disk.js:7:11)
}

Node.js v22.1.0";

pub const NODE_LOGGED: &str = "\
TypeError: Cannot read properties of undefined (reading 'id')
    at add (/srv/cart.js:3:9)
    at async /srv/main.js:12:3";

pub const GO: &str = "\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47e8a1]

goroutine 1 [running]:
main.(*Cart).Add(0x0, {0xc00001c0a8, 0x2})
\t/srv/cart/main.go:12 +0x1d
main.main()
\t/srv/cart/main.go:3 +0x25

goroutine 18 [chan receive, 2 minutes]:
created by main.start in goroutine 1
\t/srv/cart/main.go:9 +0x88
exit status 2";

pub const GO_HTTP: &str = "\
2026/11/21 07:00:00 http: panic serving 10.0.0.1:4711: disk
goroutine 35 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1947 +0xbe
panic({0x6b2c60?, 0xc000014a08?})
\t/usr/local/go/src/runtime/panic.go:785 +0x132";

pub const DOTNET: &str = "\
Unhandled exception. System.InvalidOperationException: cannot add
 ---> System.IO.IOException: disk
   at Shop.Disk.Write() in /src/Disk.cs:line 7
   --- End of inner exception stack trace ---
   at Shop.Cart.Add(Int32 id) in /src/Cart.cs:line 12
--- End of stack trace from previous location ---
   at Shop.Program.Main()";

pub const DOTNET_LOGGED: &str = "\
fail: Shop.Cart[0]
      cannot add
      System.InvalidOperationException: closed
         at Shop.Cart.Add(Int32 id) in /src/Cart.cs:line 12";

pub const RUBY: &str = "\
/srv/cart.rb:3:in 'Cart#add': cannot add (RuntimeError)
\tfrom /srv/main.rb:9:in 'block in <main>'
\tfrom /srv/main.rb:8:in '<main>'";

pub const RUBY_LOGGED: &str = "\
E, [2026-11-21T07:00:00.123456 #1] ERROR -- : cannot add (RuntimeError)
/srv/cart.rb:3:in 'add'
/srv/main.rb:9:in '<main>'";

pub const RUST: &str = "\
thread 'main' panicked at src/main.rs:3:5:
cannot add
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b431/library/std/src/panicking.rs:665:5
   1: cart::add
             at ./src/main.rs:3:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";

pub const RUST_SHORT: &str = "\
thread 'tokio-runtime-worker' (17) panicked at src/main.rs:3:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";

pub const PHP: &str = "\
PHP Fatal error:  Uncaught RuntimeException: cannot add in /srv/cart.php:3
Stack trace:
#0 /srv/main.php(9): add()
#1 [internal function]: run()
#2 {main}
  thrown in /srv/cart.php on line 3";

pub const LARAVEL: &str = "\
[2026-11-21 07:00:00] production.ERROR: cannot add {\"exception\":\"[object] (RuntimeException(code: 0): cannot add at /srv/cart.php:3)
[stacktrace]
#0 /srv/main.php(9): add()
#1 {main}
\"}";

pub const XDEBUG: &str = "\
[21-Nov-2026 07:00:00 UTC] PHP Warning:  Undefined variable $x in /srv/cart.php on line 3
[21-Nov-2026 07:00:00 UTC] PHP Stack trace:
[21-Nov-2026 07:00:00 UTC] PHP   1. {main}() /srv/main.php:0
[21-Nov-2026 07:00:00 UTC] PHP   2. add() /srv/main.php:9";

pub const SQL: &str = "\
2026-11-21 07:00:00 DEBUG slow statement:
    select *
      from carts
     where id = 12";

pub const OBJECT: &str = "\
{
  \"level\": \"error\",
  \"items\": [
    12
  ]
}";

pub const TRACES: [(&str, &str); 20] = [
    ("java", JAVA),
    ("java uncaught", JAVA_UNCAUGHT),
    ("python", PYTHON),
    ("python logged", PYTHON_LOGGED),
    ("python group", PYTHON_GROUP),
    ("node", NODE),
    ("node logged", NODE_LOGGED),
    ("go", GO),
    ("go http", GO_HTTP),
    ("dotnet", DOTNET),
    ("dotnet logged", DOTNET_LOGGED),
    ("ruby", RUBY),
    ("ruby logged", RUBY_LOGGED),
    ("rust", RUST),
    ("rust short", RUST_SHORT),
    ("php", PHP),
    ("laravel", LARAVEL),
    ("xdebug", XDEBUG),
    ("sql", SQL),
    ("object", OBJECT),
];

/// Lines that end a trace, of whatever form.
pub const LOG_LINES: [&str; 6] = [
    "2026-11-21 07:00:01 INFO ready",
    "{\"level\":\"info\",\"msg\":\"ready\"}",
    "INFO:     10.0.0.1:4711 - \"GET / HTTP/1.1\" 200 OK",
    "10.0.0.1 - - [21/Nov/2026:07:00:01 +0000] \"GET / HTTP/1.1\" 200 2",
    "level=info msg=ready",
    "Cart is ready for orders",
];
