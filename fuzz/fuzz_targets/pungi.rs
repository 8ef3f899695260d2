#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| magudi_properties::pungi::pungi(data));
