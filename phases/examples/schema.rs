//! Prints `docs/schemas/compose-config.schema.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(
        magudi_config::json_schema::to_text(&magudi_config::json_schema::json_schema(magudi_phases::schema()))
            .as_bytes(),
    )
}
