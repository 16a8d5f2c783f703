//! The schema that editors check and complete the configuration file with is
//! that of the code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_record::Config;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

const COMMITTED: &str = include_str!("../../../infra/config.schema.json");

/// Draft 7: what the YAML language server knows whole.
fn generated() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Config>();
    schema.insert("title".into(), json!("Configuration of Catchment"));
    schema.to_value()
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let text = format!("{}\n", serde_json::to_string_pretty(&generated()).unwrap());
    if text != COMMITTED {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/config.schema.json");
        std::fs::write(path, text).unwrap();
        panic!("the form of the file has changed: cp {path} infra/config.schema.json");
    }
}

/// An editor shows what a field means, and refuses one that is not there.
#[test]
fn every_field_is_explained_and_no_other_is_allowed() {
    let schema = generated();
    let definitions = schema["definitions"].as_object().unwrap();
    let mut objects: Vec<&Value> = definitions.values().filter(|it| it["type"] == "object").collect();
    objects.push(&schema);
    assert!(objects.len() > 5);
    for object in objects {
        assert_eq!(object["additionalProperties"], false, "{object:#}");
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            assert!(field["description"].is_string(), "{name} in {object:#}");
        }
    }
}
