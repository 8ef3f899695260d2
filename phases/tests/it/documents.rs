//! What is made from the tables of the phases and checked in is what they make.

use std::path::Path;

#[test]
fn schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas/compose-config.schema.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let made = magudi_config::json_schema::to_text(&magudi_config::json_schema::json_schema(magudi_phases::schema()));
    let command = "cargo run -p magudi-phases --example schema > docs/schemas/compose-config.schema.json";
    assert!(written == made, "docs/schemas/compose-config.schema.json is out of date; run: {command}");
}
