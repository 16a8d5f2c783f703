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
        match load(path)? {
            Ok((config, _)) => {
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

/// The file's stages, compiled.
pub fn pipeline(path: &Path) -> Result<Pipeline, Failure> {
    let faults = match load(path)? {
        Ok((_, pipeline)) => return Ok(pipeline),
        Err(faults) => faults,
    };
    let listed: Vec<_> = faults.iter().map(|fault| with_place(path, fault)).collect();
    Err(Failure::Rejected(listed.join("\ncatchment: ")))
}

/// The file, or its faults.
fn load(path: &Path) -> Result<Result<(Config, Pipeline), Vec<ConfigFault>>, Failure> {
    let bytes = fs::read(path).map_err(|err| Failure::reading(path, err))?;
    // Whether the stack has a key does not make a file right or wrong; what is
    // hashed here is hashed with another.
    let key = Some(HashKey::new("stands in for the key of the stack"));
    let config = Config::parse_bytes(&bytes).map_err(|fault| vec![fault]);
    Ok(config.and_then(|config| Pipeline::new(&config, key).map(|pipeline| (config, pipeline))))
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
