//! What is made from the tables of the phases and checked in is what they make.

#[test]
fn schema() {
    let path = magudi_testkit::repository().join("docs/schemas/compose-config.schema.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let made = magudi_config::json_schema::to_text(&magudi_config::json_schema::json_schema(magudi_phases::schema()));
    let command = "cargo run -p magudi-phases --example schema > docs/schemas/compose-config.schema.json";
    assert!(written == made, "docs/schemas/compose-config.schema.json is out of date; run: {command}");
}
