//! Runs conformance scripts: `cargo run -p catchment-logql --example logqltest -- FILE...`
//!
//! Prints each failure with what was wanted and what was got, then `N passed,
//! N failed`. The exit code is 1 when something failed.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for file in std::env::args().skip(1) {
        let script = match std::fs::read_to_string(&file) {
            Ok(script) => script,
            Err(err) => {
                failed += 1;
                writeln!(out, "{file}: {err}")?;
                continue;
            }
        };
        let report = catchment_logql::script::run(&script);
        passed += report.passed;
        failed += report.failures.len();
        for failure in &report.failures {
            writeln!(out, "{file}: {failure}")?;
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
