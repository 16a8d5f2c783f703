//! `catchment config`: the configuration file, read as `ingest` reads it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use catchment_record::{Config, ConfigFault, HashKey, Pipeline};

use crate::args::{ConfigCheckArgs, ConfigCommand};
use crate::failure::Failure;

/// What editors check the file with; a test holds it to the code.
const SCHEMA: &str = include_str!("../../infra/config.schema.json");

/// Runs the command.
pub fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(args) => check(args),
        ConfigCommand::Show => print(Config::embedded_text()),
        ConfigCommand::Schema => print(SCHEMA),
    }
}

fn check(args: &ConfigCheckArgs) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let (mut filters, mut samplers, mut classes) = (0, 0, 0);
    for path in &args.files {
        let bytes = fs::read(path).map_err(|err| Failure::reading(path, err))?;
        match load(&bytes) {
            Ok(config) => {
                filters += config.route.filters.len();
                samplers += config.route.samplers.len();
                classes += config.route.classes.len();
            }
            Err(found) => faults.extend(found.iter().map(|fault| with_place(path, fault))),
        }
    }
    if faults.is_empty() {
        return print(&format!(
            "no faults: {filters} filters, {samplers} samplers, {classes} rules about retention classes\n"
        ));
    }
    Err(Failure::Rejected(faults.join("\ncatchment: ")))
}

fn load(bytes: &[u8]) -> Result<Config, Vec<ConfigFault>> {
    let config = Config::parse_bytes(bytes).map_err(|fault| vec![fault])?;
    // Whether the stack has a key does not make a file right or wrong.
    Pipeline::new(&config, Some(HashKey::new("a key that hashes nothing")))?;
    Ok(config)
}

/// `file:line:column: message`, as editors and compilers write it.
fn with_place(path: &Path, fault: &ConfigFault) -> String {
    let ConfigFault { line, column, message } = fault;
    match line {
        0 => format!("{}: {message}", path.display()),
        _ => format!("{}:{line}:{column}: {message}", path.display()),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(Failure::writing)
}
